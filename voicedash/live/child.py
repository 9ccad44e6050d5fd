"""`python -m voicedash.live.child COMMAND …`: a command of manage.py that ends with the process that started it.

That one holds the other side of our standard input and never writes to it. However it ends, by kill -9 as well, the
system closes its side, and we learn of it here: on Linux and macOS, without asking every so often.
"""

import os
import runpy
import signal
import sys
import threading
import time
from pathlib import Path

HOUSE = Path(__file__).resolve().parents[2]
PATIENCE = 10.0  # seconds in which a command that was told to end has to


def main() -> None:
    """Runs `manage.py COMMAND …` in this process."""
    threading.Thread(target=_watch, name="parent", daemon=True).start()
    sys.argv = [str(HOUSE / "manage.py"), *sys.argv[1:]]
    runpy.run_path(sys.argv[0], run_name="__main__")


def _watch() -> None:
    while True:
        try:
            if not os.read(0, 4096):
                break
        except OSError:  # closed: nobody holds us
            break
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(PATIENCE)
    os.kill(os.getpid(), signal.SIGKILL)


if __name__ == "__main__":
    main()
