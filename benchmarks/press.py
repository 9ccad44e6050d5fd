"""What a press costs through the whole dashboard, against the bare PUT that it sends on a warm connection.

Interleaved, one at a time, upstream 100 ms. Run: `python -m benchmarks.press --presses 300`.
"""

import argparse
import sys
import time
from collections.abc import Callable

import requests

from benchmarks import stage
from tests.serving import Node
from voicedash.bandwidth.credentials import OAuth2
from voicedash.bandwidth.fake import Fake

BAR_P50 = 1.3  # a first look; the bar to come is 1.15


def timed(work: Callable[[], requests.Response]) -> float:
    """Milliseconds that `work` took; its answer must be a 200."""
    began = time.perf_counter()
    answer = work()
    took = (time.perf_counter() - began) * 1000
    assert answer.status_code == 200, answer.status_code
    return took


def at(values: list[float], share: float) -> float:
    return sorted(values)[min(len(values) - 1, int(len(values) * share))]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--presses", type=int, default=300)
    parser.add_argument("--upstream", type=float, default=100, help="milliseconds")
    options = parser.parse_args()
    stage.database()
    with Fake(latency=options.upstream / 1000) as fake:
        cast = stage.company(fake)
        calls = stage.calls(fake, cast, 20)
        account = cast.acme_account
        token = OAuth2(fake.token_url, account.client_id, f"secret-{account.account_id}").token(time.monotonic() + 5)
        bare = requests.Session()
        bare.headers["Authorization"] = f"Bearer {token}"
        whole, direct = [], []
        with Node(voice_url=fake.voice_url, token_url=fake.token_url) as node:
            ana = node.browser_of(cast.ana)
            cpu = time.process_time()
            for number in range(-10, options.presses):  # the first ten warm up
                call = calls[number % len(calls)]
                url = f"{fake.voice_url}/accounts/{account.account_id}/calls/{call.call_id}/recording"
                one = timed(lambda url=url: bare.put(url, json={"state": "paused"}, timeout=5))  # type: ignore[misc]
                other = timed(lambda call=call: ana.post(f"/t/acme/calls/{call.pk}/pause/"))  # type: ignore[misc]
                if number >= 0:
                    direct.append(one)
                    whole.append(other)
            cpu = time.process_time() - cpu
    print(f"{options.presses} a side, upstream {options.upstream:.0f} ms; {stage.machine()}; generator {cpu:.1f} s CPU")
    print(f"{'':24}{'p50 ms':>10}{'p99 ms':>10}")
    print(f"{'bare warm PUT':24}{at(direct, 0.5):10.1f}{at(direct, 0.99):10.1f}")
    print(f"{'press, whole dashboard':24}{at(whole, 0.5):10.1f}{at(whole, 0.99):10.1f}")
    ratio = at(whole, 0.5) / at(direct, 0.5)
    print(f"{'ratio':24}{ratio:10.2f}{at(whole, 0.99) / at(direct, 0.99):10.2f}")
    return 0 if ratio <= BAR_P50 else 1


if __name__ == "__main__":
    sys.exit(main())
