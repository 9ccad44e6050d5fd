"""One account at the stand-in that takes both kinds of credentials, the SDK and our client for it; and Prism."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.contracts.prism import Missing, Prism, find
from tests.contracts.sdk import ACCOUNT, KINDS, Sdk, our_client
from voicedash.bandwidth.client import Client
from voicedash.bandwidth.fake import Fake, FakeAccount


@pytest.fixture
def account(fake: Fake) -> FakeAccount:
    return fake.add_account(ACCOUNT, client_id="CLI-1", secret="s", username="u", password="p")


@pytest.fixture(params=KINDS)
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def sdk(fake: Fake, account: FakeAccount, kind: str) -> Sdk:
    return Sdk(fake, kind)


@pytest.fixture
def client(fake: Fake, account: FakeAccount, kind: str) -> Client:
    return our_client(fake, kind)


@pytest.fixture(scope="session")
def program_and_description() -> tuple[str, Path]:
    """Prism and what it serves; without them a test is left out, or fails where they were meant to be here."""
    try:
        return find()
    except Missing as missing:
        if missing.meant:
            pytest.fail(str(missing), pytrace=False)
        pytest.skip(str(missing))


@pytest.fixture(scope="session")
def mock(program_and_description: tuple[str, Path]) -> Iterator[Prism]:
    """Prism answering by itself, with the examples of the description."""
    program, description = program_and_description
    with Prism(program, "mock", description) as prism:
        yield prism
