"""A call at the stand-in, and our client for its account by either way of signing in."""

from collections.abc import Iterator

import pytest

from tests import ports
from tests.bandwidth.asking import ACCOUNT
from voicedash.bandwidth.client import Client
from voicedash.bandwidth.credentials import Basic, OAuth2
from voicedash.bandwidth.fake import Fake, FakeCall


@pytest.fixture
def closed_port() -> Iterator[int]:
    """A port that refuses connections."""
    with ports.reserved() as port:
        yield port


@pytest.fixture
def call(fake: Fake) -> FakeCall:
    fake.add_account(ACCOUNT, client_id="CLI-1", secret="s", username="u", password="p")
    return fake.add_call(ACCOUNT)


@pytest.fixture
def client(fake: Fake) -> Client:
    return Client(fake.voice_url, ACCOUNT, Basic("u", "p"))


@pytest.fixture
def bearer(fake: Fake) -> Client:
    return Client(fake.voice_url, ACCOUNT, OAuth2(fake.token_url, "CLI-1", "s"))
