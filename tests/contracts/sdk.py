"""Bandwidth's own SDK, pointed at the stand-in: the four operations that we use, each with a timeout."""

import warnings
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from bandwidth import ApiClient, CallsApi, Configuration, RecordingsApi
from bandwidth.models.update_call_recording import UpdateCallRecording

from voicedash.bandwidth.client import Client
from voicedash.bandwidth.credentials import Basic, OAuth2
from voicedash.bandwidth.fake import Fake

ACCOUNT = "9900001"
KINDS = ["basic", "oauth2"]
SECONDS = 5.0  # the SDK waits for ever if it is not told


class Sdk:
    """The SDK for one account. Each method gives its ApiResponse: `status_code`, `data`, `headers`, `raw_data`.

    `kind` is basic or oauth2. `retries` is urllib3's; by default, other than the SDK's own, nothing is asked twice.
    """

    def __init__(
        self,
        fake: Fake,
        kind: str,
        *,
        account_id: str = ACCOUNT,
        name: str = "",
        secret: str = "",
        retries: bool | None = False,
    ) -> None:
        signing: dict[str, str] = {"username": name or "u", "password": secret or "p"}
        if kind == "oauth2":
            signing = {"client_id": name or "CLI-1", "client_secret": secret or "s", "access_token_url": fake.token_url}
        # Without ignore_operation_servers the SDK does not look at `host` and asks the real Bandwidth.
        settings = {"host": fake.voice_url, "ignore_operation_servers": True, "retries": retries}
        client = ApiClient(Configuration(**settings, **signing))
        self.account_id = account_id
        self._calls, self._recordings = CallsApi(client), RecordingsApi(client)

    def put_recording(self, call_id: str, state: str) -> Any:
        """Pauses or resumes. The SDK refuses any state but `paused` and `recording` itself."""
        return self._put(call_id, UpdateCallRecording(state=state))

    def put_unchecked(self, call_id: str, **body: object) -> Any:
        """The same with any body, past the SDK's own check."""
        with warnings.catch_warnings(action="ignore"):
            return self._put(call_id, UpdateCallRecording.model_construct(**body))

    def list_calls(self, **query: object) -> Any:
        """One page of calls."""
        return self._calls.list_calls_with_http_info(self.account_id, _request_timeout=SECONDS, **query)

    def page_after(self, link: str) -> Any:
        """The page that a `Link` header leads to. The SDK cannot follow one: its query goes back into its arguments."""
        names = {"from": "var_from", "minStartTime": "min_start_time", "maxStartTime": "max_start_time"}
        names |= {"disconnectCause": "disconnect_cause", "pageSize": "page_size", "pageToken": "page_token"}
        query: dict[str, object] = {names.get(name, name): value for name, value in parse_qsl(urlsplit(link).query)}
        if "page_size" in query:
            query["page_size"] = int(str(query["page_size"]))
        return self.list_calls(**query)

    def call(self, call_id: str) -> Any:
        """One call."""
        return self._calls.get_call_state_with_http_info(self.account_id, call_id, _request_timeout=SECONDS)

    def recordings(self, call_id: str) -> Any:
        """The recordings of a call."""
        return self._recordings.list_call_recordings_with_http_info(self.account_id, call_id, _request_timeout=SECONDS)

    def _put(self, call_id: str, body: Any) -> Any:
        return self._recordings.update_call_recording_state_with_http_info(
            self.account_id, call_id, body, _request_timeout=SECONDS
        )


def our_client(fake: Fake, kind: str, *, account_id: str = ACCOUNT, name: str = "", secret: str = "") -> Client:
    """Our own client with the same credentials."""
    if kind == "basic":
        return Client(fake.voice_url, account_id, Basic(name or "u", secret or "p"))
    return Client(fake.voice_url, account_id, OAuth2(fake.token_url, name or "CLI-1", secret or "s"))
