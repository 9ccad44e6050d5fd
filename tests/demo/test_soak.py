"""benchmarks/soak.py judges by the bars and by nothing else; the half hour itself is run by hand."""

import pytest

from benchmarks.soak import Seen, judge, windows


def seen(*, grown: float = 1.0, minutes: int = 30) -> Seen:
    """What a demo shows that moves all the time, and whose web server needs `grown` times as much at its end."""
    found = Seen(log=["2026-11-25T14:03:22+00:00 INFO voicedash: fine", "... WARNING voicedash: weather"])
    found.counts.update({"presses acknowledged": 9, "events 'beat'": 360})
    times = range(0, minutes * 60, 5)
    found.memory = {
        "web": [(at, round(80_000 * (grown if at > minutes * 60 - 120 else 1))) for at in times],
        "worker": [(at, 60_000) for at in times],
    }
    found.moves = {"acme": [float(at) for at in times[::4]], "globex": [float(at) for at in times[::40]]}
    return found


@pytest.mark.parametrize("minutes", [6, 30, 32])
def test_what_stays_as_it_is_meets_the_bars(minutes: int, capsys: pytest.CaptureFixture[str]) -> None:
    assert judge(seen(minutes=minutes, grown=1.04), minutes) == 0
    assert capsys.readouterr().out.endswith("\nmet\n")


@pytest.mark.parametrize("minutes", [6, 30])
def test_growth_misses_them(minutes: int, capsys: pytest.CaptureFixture[str]) -> None:
    assert judge(seen(minutes=minutes, grown=1.06), minutes) == 1
    assert "MISSED:\nweb grew 1.060 times" in capsys.readouterr().out


def test_so_do_an_error_a_restart_a_floor_that_stands_still_and_a_press_that_never_works(
    capsys: pytest.CaptureFixture[str],
) -> None:
    found = seen()
    found.log += ["2026-11-25T14:03:22+00:00 ERROR voicedash: a fault", "Traceback (most recent call last):"]
    found.restarts.append("worker")
    found.moves["globex"] = [10.0, 1700.0]
    del found.counts["presses acknowledged"]
    assert judge(found, 30) == 1
    missed = capsys.readouterr().out.partition("MISSED:\n")[2].splitlines()
    assert missed == [
        "worker was started again",
        "in the log: 2026-11-25T14:03:22+00:00 ERROR voicedash: a fault",
        "in the log: Traceback (most recent call last):",
        "globex stood still for 1690 s",
        "no press was acknowledged",
    ]


def test_half_an_hour_is_judged_by_minutes_10_and_30_and_less_by_its_thirds() -> None:
    assert windows(30) == windows(32) == ((9, 10), (29, 30))
    assert windows(7) == ((1, 3), (5, 7))
