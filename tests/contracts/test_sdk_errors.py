"""When things go wrong, the stand-in's answers are the errors the SDK knows, and ours tell the same of them."""

import json
import time
from collections.abc import Callable
from email.utils import formatdate

import pytest
import urllib3
from bandwidth.exceptions import (
    ApiException,
    BadRequestException,
    ConflictException,
    ForbiddenException,
    NotFoundException,
    ServiceException,
    UnauthorizedException,
)
from bandwidth.models.voice_api_error import VoiceApiError

from tests.contracts.sdk import ACCOUNT, Sdk, our_client
from voicedash.bandwidth.client import Client
from voicedash.bandwidth.errors import (
    BadCredentials,
    BandwidthError,
    OutcomeUnknown,
    RateLimited,
    Refused,
    TokenRefused,
    UnknownCall,
)
from voicedash.bandwidth.fake import Fake, FakeAccount
from voicedash.bandwidth.fake.world import KEPT, now


def put(client: Client, call_id: str) -> None:
    client.put_recording(call_id, "paused", deadline=time.monotonic() + 5)


def nobody(fake: Fake) -> str:
    return "c-nobody"


def ringing(fake: Fake) -> str:
    return fake.add_call(ACCOUNT, state="initiated").call_id


def just_over(fake: Fake) -> str:
    return fake.add_call(ACCOUNT, state="disconnected").call_id


def long_over(fake: Fake) -> str:
    return fake.add_call(ACCOUNT, state="disconnected", ended=now() - KEPT).call_id


def no_longer_trusted(fake: Fake) -> str:
    fake.world.accounts[ACCOUNT].password = "changed"
    fake.expire_tokens()
    return fake.add_call(ACCOUNT).call_id


def without_the_voice_role(fake: Fake) -> str:
    fake.world.accounts[ACCOUNT].roles.clear()
    return fake.add_call(ACCOUNT).call_id


REFUSALS: list[tuple[Callable[[Fake], str], int, type[ApiException], type[BandwidthError]]] = [
    (nobody, 404, NotFoundException, UnknownCall),
    (ringing, 409, ConflictException, UnknownCall),
    (just_over, 409, ConflictException, UnknownCall),
    (long_over, 404, NotFoundException, UnknownCall),
    (no_longer_trusted, 401, UnauthorizedException, BadCredentials),
    (without_the_voice_role, 403, ForbiddenException, BadCredentials),
]


@pytest.mark.parametrize(("arrange", "status", "theirs", "ours"), REFUSALS)
def test_a_put_that_cannot_be_done_is_refused_in_the_words_the_sdk_reads(
    fake: Fake,
    sdk: Sdk,
    client: Client,
    kind: str,
    arrange: Callable[[Fake], str],
    status: int,
    theirs: type[ApiException],
    ours: type[BandwidthError],
) -> None:
    sdk.list_calls()  # the tokens, where there are any, are at hand
    next(client.pages(since=now()))
    call_id = arrange(fake)
    with pytest.raises(theirs) as caught:
        sdk.put_recording(call_id, "paused")
    told = VoiceApiError.from_json(caught.value.body)
    assert told is not None
    assert told.type
    assert told.description
    assert caught.value.status == status
    assert caught.value.data == (None if status == 409 else told)  # the description knows no 409 for this operation
    with pytest.raises(ours) as mine:
        put(client, call_id)
    assert (mine.value.status, str(mine.value)) == (status, f"Bandwidth answered {status}: {told.description}")
    if status == 401:
        assert isinstance(mine.value, TokenRefused) is (kind == "oauth2")


def test_an_account_that_is_not_theirs_is_forbidden_to_both(fake: Fake, account: FakeAccount, kind: str) -> None:
    fake.add_account("9900002", client_id="CLI-2", secret="s2", username="u2", password="p2")
    call = fake.add_call("9900002")
    for account_id in ("9900002", "not-an-account"):
        with pytest.raises(ForbiddenException):
            Sdk(fake, kind, account_id=account_id).put_recording(call.call_id, "paused")
        with pytest.raises(BadCredentials) as caught:
            put(our_client(fake, kind, account_id=account_id), call.call_id)
        assert caught.value.status == 403
    assert call.recorder == "recording"


@pytest.mark.parametrize("body", [{"state": "PAUSED"}, {"state": "NOT_RECORDING"}, {}])
def test_a_state_that_is_none_is_a_validation_error(fake: Fake, sdk: Sdk, body: dict[str, str]) -> None:
    call = fake.add_call(ACCOUNT)
    with pytest.raises(BadRequestException) as caught:
        sdk.put_unchecked(call.call_id, **body)
    assert (caught.value.data.type, call.recorder) == ("validation", "recording")
    assert json.loads(fake.puts[0].body) == body


def test_a_call_that_is_not_known_is_not_found_by_a_read_either(fake: Fake, sdk: Sdk, client: Client) -> None:
    with pytest.raises(NotFoundException) as caught:
        sdk.call("c-nobody")
    assert caught.value.data.description == "Call [c-nobody] not found"
    with pytest.raises(UnknownCall):
        client.call("c-nobody")


FORCED: list[tuple[int, type[ApiException], type[BandwidthError]]] = [
    (400, BadRequestException, Refused),
    (401, UnauthorizedException, BadCredentials),
    (403, ForbiddenException, BadCredentials),
    (404, NotFoundException, UnknownCall),
    (405, ApiException, Refused),
    (409, ConflictException, UnknownCall),
    (415, ApiException, Refused),
    (429, ApiException, RateLimited),
    (500, ServiceException, OutcomeUnknown),
    (502, ServiceException, OutcomeUnknown),
    (503, ServiceException, OutcomeUnknown),
]


@pytest.mark.parametrize(("status", "theirs", "ours"), FORCED)
def test_every_error_that_can_be_ordered_is_one_the_sdk_tells_apart(
    fake: Fake, sdk: Sdk, client: Client, status: int, theirs: type[ApiException], ours: type[BandwidthError]
) -> None:
    call = fake.add_call(ACCOUNT)
    fake.fail_next(status, times=2)
    with pytest.raises(theirs) as caught:
        sdk.put_recording(call.call_id, "paused")
    told = VoiceApiError.from_json(caught.value.body)
    assert told is not None
    assert (caught.value.status, bool(told.type), bool(told.description)) == (status, True, True)
    with pytest.raises(ours) as mine:
        put(client, call.call_id)
    assert (mine.value.status, call.recorder) == (status, "recording")


@pytest.mark.parametrize("value", ["0", formatdate(time.time() - 10, usegmt=True)], ids=["seconds", "a moment"])
def test_a_retry_after_that_can_be_read_is_obeyed_by_the_sdk(fake: Fake, account: FakeAccount, value: str) -> None:
    call = fake.add_call(ACCOUNT)
    fake.fail_next(429, retry_after=value)
    assert Sdk(fake, "basic", retries=None).put_recording(call.call_id, "paused").status_code == 200
    assert [put.status for put in fake.puts] == [429, 200]


def test_a_retry_after_that_cannot_be_read_breaks_the_sdk_and_is_one_second_to_us(
    fake: Fake, account: FakeAccount, client: Client
) -> None:
    call = fake.add_call(ACCOUNT)
    fake.fail_next(429, retry_after="string", times=3)
    with pytest.raises(urllib3.exceptions.InvalidHeader):
        Sdk(fake, "basic", retries=None).put_recording(call.call_id, "paused")
    with pytest.raises(ApiException) as caught:
        Sdk(fake, "basic").put_recording(call.call_id, "paused")
    assert (caught.value.status, caught.value.headers["Retry-After"]) == (429, "string")
    with pytest.raises(RateLimited) as mine:
        put(client, call.call_id)
    assert mine.value.retry_after == 1.0


def test_a_page_of_a_gateway_is_an_error_with_the_page_as_its_body(fake: Fake, sdk: Sdk, client: Client) -> None:
    call = fake.add_call(ACCOUNT)
    fake.html_next(502, times=2)
    with pytest.raises(ServiceException) as caught:
        sdk.put_recording(call.call_id, "paused")
    assert (caught.value.data, "<h1>Sorry</h1>" in caught.value.body) == (None, True)
    with pytest.raises(OutcomeUnknown):
        put(client, call.call_id)


def test_a_page_of_a_gateway_with_200_passes_for_a_pause_with_the_sdk_and_not_with_us(
    fake: Fake, sdk: Sdk, client: Client
) -> None:
    call = fake.add_call(ACCOUNT)
    fake.html_next(200, times=2)
    assert sdk.put_recording(call.call_id, "paused").status_code == 200
    with pytest.raises(OutcomeUnknown):
        put(client, call.call_id)
    assert call.recorder == "recording"
