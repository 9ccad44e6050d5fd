"""A secret stands nowhere but in its header: not in a name, an error, a traceback or the most talkative log."""

import logging
import time
import traceback

import pytest

from tests.bandwidth.asking import ACCOUNT, put
from voicedash.bandwidth import credentials
from voicedash.bandwidth.client import Client
from voicedash.bandwidth.credentials import Basic, OAuth2
from voicedash.bandwidth.errors import BandwidthError
from voicedash.bandwidth.fake import Fake, FakeCall


def test_no_secret_and_no_token_is_ever_written_down(
    fake: Fake, call: FakeCall, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    secret, password = "only-for-this-test-1", "only-for-this-test-2"
    account = fake.world.accounts[ACCOUNT]
    account.secret, account.password = secret, password
    of, basic = OAuth2(fake.token_url, "CLI-1", secret), Basic("u", password)
    told = [repr(of), str(of), repr(basic), str(basic)]
    known = of.token(time.monotonic() + 5)
    told.append(repr(credentials._tokens))
    for fault in (400, 401, 403, 404, 429, 500):
        fake.fail_next(fault, on="any", times=2)
        for one in (of, basic):
            with pytest.raises(BandwidthError) as caught:
                put(Client(fake.voice_url, ACCOUNT, one), call)
            told.append(repr(caught.value) + "".join(traceback.format_exception(caught.value)))
    fake.stop()
    for one in (of, basic, OAuth2(fake.token_url, "CLI-1", secret + "x")):
        with pytest.raises(BandwidthError) as caught:
            put(Client(fake.voice_url, ACCOUNT, one), call)
        told.append(repr(caught.value) + "".join(traceback.format_exception(caught.value)))
    everything = "\n".join([*told, caplog.text])
    assert "urllib3" in caplog.text, "the most talkative level was not on"
    for hidden in (secret, password, known, basic.header(0)[6:]):
        assert hidden not in everything
