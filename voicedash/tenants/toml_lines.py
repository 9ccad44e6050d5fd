"""Where in a TOML file each key stands, which tomllib does not tell, so that an error can name the line."""

import re
from collections import Counter

Place = tuple[str | int, ...]

_HEADER = re.compile(r"(\[\[?)\s*([^\[\]]+?)\s*\]")
_KEY = re.compile(r"""(?:"([^"]*)"|'([^']*)'|([A-Za-z0-9_-]+))\s*[=.]""")


def places(text: str) -> dict[Place, int]:
    """The line of each table and key, which tomllib does not tell: ("tenant", 0, "account", 1, "auth") → 12.

    A scan of a text that is known to be TOML. What it does not find (keys within inline
    tables) is told with the line of what it stands in.
    """
    found: dict[Place, int] = {}
    counts: Counter[Place] = Counter()
    where: Place = ()
    open_quotes = ""
    for number, line in enumerate(text.splitlines(), start=1):
        line = line.strip()
        if open_quotes:
            open_quotes = "" if open_quotes in line else open_quotes
        elif header := _HEADER.match(line):
            where = ()
            names = [name.strip().strip("\"'") for name in header[2].split(".")]
            for depth, name in enumerate(names, start=1):
                where = (*where, name)
                if depth == len(names) and header[1] == "[[":
                    counts[where] += 1
                if counts[where]:
                    where = (*where, counts[where] - 1)
            found[where] = number
        elif key := _KEY.match(line):
            found.setdefault((*where, key[1] or key[2] or key[3]), number)
            open_quotes = next((quotes for quotes in ('"""', "'''") if line.count(quotes) == 1), "")
    return found
