"""The four requests we make of Bandwidth's Voice API, and how their answers are judged."""

import json
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Any, Literal
from urllib.parse import quote, urljoin, urlsplit

import requests
from requests.utils import parse_header_links

from voicedash.bandwidth.credentials import Credentials
from voicedash.bandwidth.errors import BadCredentials, OutcomeUnknown, RateLimited, Refused, TokenRefused, UnknownCall
from voicedash.bandwidth.listing import CallState, Page, RecordingMetadata, calls_in, recordings_in
from voicedash.bandwidth.transport import Gate, Response, exchange, within

State = Literal["paused", "recording"]
READ_SECONDS = 20.0  # a page of 10,000 calls takes longer than a press may
PAGE_BYTES = 64 * 1024 * 1024


class Client:
    """One Bandwidth account, as seen with one set of credentials. Cheap to make; connections and tokens are shared.

    `patience`: seconds that one read may take; READ_SECONDS unless told otherwise.
    """

    def __init__(
        self, voice_url: str, account_id: str, credentials: Credentials, *, patience: float | None = None
    ) -> None:
        self.account_id = account_id
        self.credentials = credentials
        self.patience = patience
        self._base = f"{voice_url.rstrip('/')}/accounts/{quote(account_id, safe='')}/calls"

    def put_recording(self, call_id: str, state: State, *, deadline: float) -> None:
        """Asks once for the absolute state of a call's recording, until `deadline` (time.monotonic()).

        Returns when Bandwidth acknowledged: 200 with an empty or JSON body. Raises Refused and its
        kinds on a 4xx, NeverReached where nothing left us, OutcomeUnknown on everything else
        (docs/bandwidth.md §1). Nothing is repeated here.
        """
        request = requests.Request("PUT", f"{self._base}/{quote(call_id, safe='')}/recording", json={"state": state})
        response = self._ask(request, deadline)
        if response.status != 200:
            raise OutcomeUnknown(f"the PUT was answered {response.status}", status=response.status)
        if response.body.strip():
            _json(response)

    def pages(self, *, since: datetime, until: datetime | None = None, page_size: int = 1000) -> Iterator[Page]:
        """The calls started from `since` (to `until`) on, oldest first, a list for each page, to the last `Link`.

        Calls that cannot be read are left out. Raises BandwidthError's kinds; OutcomeUnknown for an
        answer that is no list, or a `Link` that leaves the host.
        """
        url, params = self._base, {"minStartTime": _second(since), "pageSize": str(page_size)}
        if until is not None:
            params["maxStartTime"] = _second(until + timedelta(seconds=1))
        seen: set[str] = set()
        while url:
            request = requests.Request("GET", url, params=params)
            response = self._read(request)
            yield Page(calls_in(_list(response)), _date(response))
            seen.add(url)
            url, params = self._next(url, response.headers.get("link", "")), {}
            if url in seen:
                raise OutcomeUnknown("the list's pages lead in a circle")

    def call(self, call_id: str) -> CallState:
        """What Bandwidth's listing side knows of one call; it may lag by minutes. Raises UnknownCall on 404."""
        told = _json(self._read(requests.Request("GET", f"{self._base}/{quote(call_id, safe='')}")))
        read = calls_in([told])
        if not read:
            raise OutcomeUnknown("the answer is not a call")
        return read[0]

    def recordings(self, call_id: str) -> list[RecordingMetadata]:
        """The recordings made of a call; an unknown call has none (docs/bandwidth.md §2)."""
        request = requests.Request("GET", f"{self._base}/{quote(call_id, safe='')}/recordings")
        return recordings_in(_list(self._read(request)))

    def _read(self, request: requests.Request) -> Response:
        """A 200, or an error. A read may be repeated, so a token that was taken back early costs no one a look."""
        deadline = time.monotonic() + (self.patience or READ_SECONDS)
        try:
            response = self._ask(request, deadline)
        except TokenRefused:
            response = self._ask(request, deadline)
        if response.status != 200:
            raise OutcomeUnknown(f"the GET was answered {response.status}", status=response.status)
        return response

    def _ask(self, request: requests.Request, deadline: float) -> Response:
        """The one place that talks: signs in, sends, and raises on a 4xx."""
        header = ""

        def work(gate: Gate) -> Response:
            nonlocal header
            header = self.credentials.header(gate.deadline)
            request.headers = {"Authorization": header}
            return exchange(request, gate, most=PAGE_BYTES if request.method == "GET" else 64 * 1024)

        response = within(deadline, work)
        if response.status != 401 and response.status < 500:
            self.credentials.accepted(header)
        if 400 <= response.status < 500:
            raise self._refusal(response, header)
        return response

    def _refusal(self, response: Response, header: str) -> Refused:
        status, (description, reference) = response.status, _said(response)
        text = f"Bandwidth answered {status}: {description or 'no reason given'}"
        if status == 401:
            error: Refused = self.credentials.refused(header, text)
            error.reference = reference
            return error
        if status == 403:
            return BadCredentials(text, status=status, reference=reference)
        if status in {404, 409}:
            return UnknownCall(text, status=status, reference=reference)
        if status == 429:
            wait = retry_after(response.headers.get("retry-after", ""))
            return RateLimited(text, retry_after=wait, reference=reference)
        return Refused(text, status=status, reference=reference)

    def _next(self, url: str, link: str) -> str:
        following = [told["url"] for told in parse_header_links(link) if told.get("rel") == "next"] if link else []
        if not following:
            return ""
        try:
            target = urljoin(url, following[0])
            same = _origin(self._base) == _origin(target)
        except ValueError:
            raise OutcomeUnknown("the list's next page has no address that can be read") from None
        if not same:
            raise OutcomeUnknown("the list's next page is on another host; not followed")
        return target


def _second(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.000Z")


def _date(response: Response) -> datetime | None:
    """When an answer was given, by its `Date` header; None where that cannot be read."""
    try:
        when = parsedate_to_datetime(response.headers.get("date", ""))
        return when if when.tzinfo else when.replace(tzinfo=UTC)
    except (ValueError, TypeError, IndexError, OverflowError):
        return None


def _origin(url: str) -> tuple[str, str | None, int | None]:
    """Scheme, host and port of an address. Raises ValueError where they cannot be read."""
    parts = urlsplit(url)
    if "@" in parts.netloc:
        raise ValueError("an address that brings its own credentials")
    return parts.scheme, parts.hostname, parts.port or {"http": 80, "https": 443}.get(parts.scheme)


def retry_after(value: str) -> float:
    """Seconds told by a `Retry-After` header: a number or an HTTP date; 1 where it cannot be read."""
    try:
        seconds = float(value)
    except ValueError:
        try:
            when = parsedate_to_datetime(value)
            seconds = (when if when.tzinfo else when.replace(tzinfo=UTC)).timestamp() - time.time()
        except (ValueError, TypeError, IndexError, OverflowError):
            return 1.0
    return seconds if 0 <= seconds < float("inf") else 1.0


def _json(response: Response) -> Any:
    try:
        return json.loads(response.body.decode("utf-8"))
    except (ValueError, RecursionError):
        raise OutcomeUnknown(f"{response.status} with a body that is not JSON", status=response.status) from None


def _list(response: Response) -> list[Any]:
    told = _json(response)
    if not isinstance(told, list):
        raise OutcomeUnknown("the answer is not a list", status=response.status)
    return told


def _said(response: Response) -> tuple[str, str]:
    """Bandwidth's own words and its reference in an error's body, as far as they can be read."""
    try:
        told = json.loads(response.body.decode("utf-8"))
    except (ValueError, RecursionError):
        return "", ""
    if not isinstance(told, dict):
        return "", ""
    return _plain(told.get("description"), 200), _plain(told.get("id"), 100)


def _plain(value: Any, most: int) -> str:
    """Text without what a database refuses (NUL, half a surrogate) or a log would break on (line ends)."""
    if not isinstance(value, str):
        return ""
    return "".join(letter if letter.isprintable() else " " for letter in value[:most]).strip()
