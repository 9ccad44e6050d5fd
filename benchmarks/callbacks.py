"""Whether callbacks are kept and presses kept fast: 10,000 callbacks at 500 a second, while 20 presses a second go on.

All are of one tenant, whose one lock both need. Presses are compared with the bare PUT on a warm connection, which was
measured just before without any callback. Run: `python -m benchmarks.callbacks` (TEST_DATABASE_URL for PostgreSQL).
"""

import argparse
import sys
import time
from collections import Counter

from benchmarks import stage
from benchmarks.boards import cpu_of
from benchmarks.posting import Posted, Poster, call_id
from benchmarks.press import CALLS, HEAD, Desks, Row, Work, at, at_random, company, one_at_a_time, presses, puts
from benchmarks.standin import StandIn
from tests.serving import Node
from voicedash.bandwidth.credentials import OAuth2
from voicedash.calls.models import Call
from voicedash.tenants import callbacks
from voicedash.tenants.board import writing
from voicedash.tenants.models import BandwidthAccount, Board

BEHIND = 1000  # so many calls are live at a time: four seconds of 250 a second
BAR = 1.5  # how much slower than its own bar a press may be meanwhile


def credentials(account: BandwidthAccount) -> tuple[str, str, str]:
    """Where the account's callbacks go, and with what."""
    with writing(account.tenant_id) as stamp:
        made, password = callbacks.create(account.tenant, stamp, by=None)
    return f"/callbacks/{account.tenant.callback_key}/", made.username, password


def counting(press: Work, vain: Counter[str]) -> Work:
    """The same presses; one that is not acknowledged is counted, and its time with the others."""

    def pressed(number: int) -> None:
        try:
            press(number)
        except AssertionError as error:
            vain[str(error)] += 1

    return pressed


def lost(posted: Posted, count: int) -> list[str]:
    """What is not as the events that were answered tell: of each call whether it is there, and whether it ended."""
    began = {call_id(number // 2) for number in posted.taken if number % 2 == 0}
    over = {call_id(number // 2 - BEHIND) for number in posted.taken if number % 2}
    ours = dict(Call.objects.values_list("call_id", "ended_at"))
    wrong = [one for one in began | over if one not in ours or (ours[one] is not None) != (one in over)]
    return [*posted.wrong, *wrong, *["no answer"] * (count - len(posted.taken) - len(posted.wrong))]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--callbacks", type=int, default=10_000)
    parser.add_argument("--rate", type=float, default=500, help="callbacks a second")
    parser.add_argument("--presses", type=float, default=20, help="presses a second, arriving at random")
    parser.add_argument("--upstream", type=float, default=100, help="milliseconds that Bandwidth takes")
    options = parser.parse_args()
    count = round(options.callbacks / options.rate * options.presses)
    stage.database()
    with StandIn(["9900001", "9900002"], calls=CALLS, latency=options.upstream / 1000) as stand_in:
        cast, calls = company(stand_in)
        acme = cast.acme_account
        path, username, password = credentials(acme)
        with Node(voice_url=stand_in.voice_url, token_url=stand_in.token_url) as node:
            desks = Desks()
            for _ in range(32):
                desks.free.put(node.browser_of(cast.ana))
            press = presses(desks, calls[acme.account_id], "acme")
            token = OAuth2(stand_in.token_url, acme.client_id, f"secret-{acme.account_id}").token(time.monotonic() + 5)
            put = puts(stand_in.voice_url, token, acme, calls[acme.account_id])
            one_at_a_time(100, put, press)  # warms up
            bare, quiet = at_random(count, options.presses, put, press)
            poster = Poster(
                node.url + path,
                username,
                password,
                account_id=acme.account_id,
                count=options.callbacks,
                rate=options.rate,
                behind=BEHIND,
            )
            version = Board.objects.get(tenant=acme.tenant_id).version
            cpu, began = cpu_of(node.process.pid), time.monotonic()
            poster.start()
            vain: Counter[str] = Counter()
            (busy,) = at_random(count, options.presses, counting(press, vain))
            posted = poster.result()
            cpu, seconds = cpu_of(node.process.pid) - cpu, time.monotonic() - began
            version = Board.objects.get(tenant=acme.tenant_id).version - version
        gone = lost(posted, options.callbacks)
    rows = [
        Row(f"a press : the bare PUT, {options.presses:.0f}/s at random, no callbacks", quiet, bare, 1.3, 1.6),
        Row(f"the same beside {options.rate:.0f} callbacks a second", busy, bare, BAR * 1.3, BAR * 1.6),
    ]
    print(f"upstream {options.upstream:.0f} ms, one web process; {stage.machine()}")
    print(f"web process {cpu / seconds * 100:.0f} % of a core, generator of callbacks {posted.cpu:.1f} s CPU")
    print(HEAD)
    for row in rows:
        print(row)
    print(
        f"callbacks, by challenge: {len(posted.taken)} of {options.callbacks} answered 204 in {posted.seconds:.1f} s, "
        f"p50 {at(posted.took, 0.5):.0f} ms, p99 {at(posted.took, 0.99):.0f} ms; {len(gone)} lost; "
        f"{version} transactions of the tenant, presses included"
    )
    for what in gone[:5]:
        print(f"  {what}")
    print(f"presses beside them that were not acknowledged: {dict(vain) or 'none'}")
    return 0 if all(row.holds for row in rows) and not gone and not vain else 1


if __name__ == "__main__":
    sys.exit(main())
