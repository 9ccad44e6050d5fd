"""Random presses under every scripted fault, on a real web process at a fifth of the real times.

`python -m benchmarks.faults` does the same at full length.
"""

from benchmarks import faults

SCALE = 0.2


def test_no_row_ever_says_paused_while_it_records(cast, bandwidth, live_call, node):
    bandwidth.latency = 0.02
    calls = [live_call(cast.acme_account)[0] for _ in range(24)]
    people = faults.supervisors(cast.acme, 8)
    web = node(SCALE)
    report = faults.run([web], bandwidth, people, web.browser_of(cast.vic), calls, presses=250, seed=7, scale=SCALE)
    assert report.holds, "\n".join(report.lines())
    # It must have been a storm, and have been looked at.
    assert report.unreadable > 25
    assert report.outcomes["pause acknowledged"] > 50
    assert report.watch.samples > 25
