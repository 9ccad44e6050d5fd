"""A whole rotation while a real server presses all the time: no press notices."""

import itertools
import re
import threading
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from tests import cast as people
from tests.calls.doubting import until
from tests.cast import Cast
from tests.keyring import Keyring
from tests.serving import Node
from voicedash.audit import proof
from voicedash.bandwidth.fake import Fake
from voicedash.calls.models import Call
from voicedash.tenants import keys, sealing
from voicedash.tenants.models import BandwidthAccount


@pytest.fixture
def cast(keyring: Keyring, transactional_db: None) -> Cast:
    return people.assemble()


def test_no_press_answers_credentials_while_the_keys_are_rotated(
    cast: Cast,
    keyring: Keyring,
    bandwidth: Fake,
    live_call: Callable[..., tuple[Call, Any]],
    node: Callable[..., Node],
    threads: ThreadPoolExecutor,
) -> None:
    made = [people.account(cast.acme, f"99000{number}") for number in range(10, 14)]
    for account in made:
        people.known_to(bandwidth, account)
    calls = [live_call(account)[0] for account in [cast.acme_account, *made]]
    served = node()
    stop = threading.Event()
    answered: list[str] = []

    def press(call: Call) -> Counter[str]:
        ana = served.browser_of(cast.ana)
        outcomes = Counter[str]()
        for verb in itertools.cycle(("pause", "resume")):
            answer = ana.post(f"/t/acme/calls/{call.pk}/{verb}/")
            found = re.search(r'data-outcome="(\w+)"', answer.text)
            outcomes[found[1] if found else f"status {answer.status_code}"] += 1
            answered.append(verb)
            if stop.is_set():
                return outcomes
        raise AssertionError

    pressing = [threads.submit(press, call) for call in calls]
    said = []
    try:
        for _ in range(2):
            for arguments in (["--new", "--one-node"], ["--check"], ["--drop"]):
                run = keyring.command if arguments == ["--check"] else keyring.manage
                done = run("rotate_keys", *arguments)
                said.append((done.returncode, done.stderr))
                enough = len(answered) + 9  # a rotation may take less time than a press
                until(lambda enough=enough: len(answered) >= enough, 60)  # type: ignore[misc]
    finally:
        stop.set()
    outcomes = sum((pressed.result() for pressed in pressing), Counter[str]())
    assert said == [(0, "")] * 6
    assert set(outcomes) == {"acknowledged"}, outcomes
    assert outcomes.total() > 50
    assert len(keyring.words) == 1
    for account in BandwidthAccount.objects.all():
        assert keys.fingerprint(sealing.key_of(account)) == keyring.names[0]
    assert [proof.fault_in(chain) for chain in proof.chains()] == [None] * len(proof.chains())
