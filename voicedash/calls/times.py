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
    # What voicedash does of itself (calls/due.py)
    reassert: tuple[float, ...] = (
        5.0,
        12.0,
    )  # a pause is asked again so long after a doubted request, and at its close
    grace: float = 2.0  # after a doubt's close, before a row gives up what nobody acknowledged again
    give_up: float = 30.0  # after a doubt's close, before that is written
    retry: float = 1.0  # between two tries of voicedash itself; doubles
    retry_most: float = 5.0  # and grows no further
    retry_slow: float = 30.0  # the same for a leg that is to be paused as the others are, which has no end
    near_end: float = 20.0  # this close to a pause's end nothing is asked again for it
    tick: float = 0.2  # between two looks of a worker
    beat: float = 2.0  # between two signs of life of a worker
    duty: float = 15.0  # a worker's hold on a duty since it last wrote for it
    bulk_silent: float = 5.0  # a bulk of whose holder nothing was heard for so long is another's to go on with
    bulk_patience: float = 120.0  # for so long what Bandwidth answers 429 is asked again
    incident: float = 30.0  # what is not put right for so long needs a person
    # How it follows calls (worker/sync.py)
    read: float = 10.0  # one answer to a GET
    overlap: float = 120.0  # so far before the newest start every list begins, as lists lag
    deep: float = 900.0  # and once in `deep_every` so far
    deep_every: float = 60.0
    past: float = 43200.0  # how far back it is looked, after a silence longer than `deep`
    step: float = 1800.0  # how much of that at once
    back_off: float = 30.0  # the longest time between two tries that fail
    unheard: float = 15.0  # silence of an account that boards tell of
    obeyed: float = 60.0  # for so long a 200 outweighs an end that was told before it
    unknown_id: float = 14400.0  # a typed id that Bandwidth does not know stays so long
    kept: float = 604800.0  # Bandwidth knows a call for so long after its end


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
