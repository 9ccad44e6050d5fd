"""How long things may take (docs/truth.md), in seconds. Tests scale them together, never one alone."""

from dataclasses import dataclass, fields, replace


@dataclass
class Times:
    """Every limit on the way of a press. Durations are monotonic; what is stored is the database's clock."""

    attempt: float = 4.0  # one request to Bandwidth: look-up, token, connect, answer
    asking: float = 10.0  # all attempts of a command
    claim: float = 15.0  # a claim's life
    doubt: float = 25.0  # how long a request without an answer may still take effect
    fresh: float = 1.0  # an attempt this soon after its claim need not take it again
    commit: float = 2.0  # a claim that took longer to write is not sent
    look: float = 0.05  # between two looks of a waiting pause
    takeover: float = 5.0  # a running attempt this old has lost its holder
    waiting: float = 6.0  # how long a pause waits for its turn
    waiting_claim: float = 7.0  # a waiting pause's life: a little longer than its thread waits
    last_attempt: float = 1.0  # no attempt begins with less than this
    again: tuple[float, ...] = (0.5, 1.0, 2.0)  # before asking again for a call not known to be answered
    unknown: float = 0.25  # before asking again after no answer; doubles
    settle: float = 0.2  # between two tries to write an outcome
    late: float = 120.0  # for how long an outcome that nobody waits for any more is still tried


_real = Times()
times = replace(_real)


def scale(factor: float) -> None:
    """Makes every time `factor` as long; 1 restores them. For tests only.

    But for `commit`: that one measures this machine's disk, which no test makes faster.
    """
    for field in fields(Times):
        if field.name == "commit":
            continue
        value = getattr(_real, field.name)
        scaled = tuple(part * factor for part in value) if isinstance(value, tuple) else value * factor
        setattr(times, field.name, scaled)
