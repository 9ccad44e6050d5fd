"""Any order and repetition of events, listings and typed ids ends in the same calls."""

from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from tests.cast import Cast
from voicedash.bandwidth.listing import CallState
from voicedash.calls import ids, tracking
from voicedash.calls.models import Call
from voicedash.tenants.models import BandwidthAccount, User

NOON = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
FACTS = ("parent_call_id", "direction", "from_address", "to_address", "start_time", "answer_time")
SHOWN = (*FACTS, "state", "end_time", "last_update")
STATES = ("queued", "initiated", "answered", "answered-by-nobody-knows-what", "disconnected")


@dataclass
class Story:
    """All that is ever told of one call, by whatever way."""

    call_id: str
    listings: list[CallState] = field(default_factory=list)
    events: list[CallState] = field(default_factory=list)
    typed: bool = False

    @property
    def over(self) -> bool:
        return any(state.ended for state in [*self.listings, *self.events])

    @property
    def stays(self) -> bool:
        """Also where its end is told first, or alone."""
        return bool(self.typed or self.events)


def story(call_id: str, dice: Random) -> Story:
    """A call from its queue to its end, or to somewhere before. Some fields are missing, some times are a bit off."""
    told = Story(call_id, typed=dice.random() < 0.3)
    second = dice.randrange(100)
    known: dict[str, Any] = {
        # Anybody's, its own or a circle's too: what ties calls together may be junk.
        "parent_call_id": dice.choice(["c-parent", "c-000", "c-001", "c-003"]) if dice.random() < 0.5 else "",
        "direction": "inbound",
        "from_address": "+19195554321",
        "to_address": "+19195551234",
        "start_time": None,
        "answer_time": None,
        "end_time": None,
    }
    for state in STATES[dice.randint(0, 2) : dice.randint(3, 5)]:
        second += dice.randint(1, 50)
        moment = NOON + timedelta(seconds=second)
        known |= {"initiated": {"start_time": moment}, "answered": {"answer_time": moment}}.get(state, {})
        known |= {"end_time": moment} if state == "disconnected" and dice.random() < 0.8 else {}
        state = state if state == "disconnected" or dice.random() < 0.9 else ""
        listing = CallState(call_id=call_id, state=state, last_update=moment, **known)
        if dice.random() < 0.8:
            told.listings.append(replace(listing, last_update=None) if dice.random() < 0.1 else listing)
        if dice.random() < 0.5:
            # Events have a clock of their own, and lack what not every kind of them holds.
            at = moment + timedelta(milliseconds=dice.choice([-900, -3, 0, 0, 4, 1500]))
            left_out: dict[str, Any] = {name: "" for name in FACTS[:4] if dice.random() < 0.3}
            told.events.append(replace(listing, last_update=at, event=True, **left_out))
    return told


def live_through(account: BandwidthAccount, by: User, stories: list[Story], dice: Random) -> dict[str, Any]:
    """Tells an account all of it in an order of its own, some of it more than once; gives the calls there are then."""
    news: list[CallState | str] = [state for one in stories for state in [*one.listings, *one.events]]
    news += [one.call_id for one in stories if one.typed]
    news += dice.choices(news, k=dice.randint(0, 12)) if news else []
    dice.shuffle(news)
    while news:
        some, news = news[: (size := dice.randint(1, 9))], news[size:]
        typed = " ".join(one for one in some if isinstance(one, str))
        tracking.add_typed(account.tenant, ids.read(typed), account=None, by=by)
        tracking.learn(account, [one for one in some if isinstance(one, CallState)])
    # What each list says as it overlaps the one before: an end that came when nobody knew of the call comes again.
    newest = [
        max(one.listings, key=lambda state: (state.ended, state.last_update or NOON)) for one in stories if one.listings
    ]
    tracking.learn(account, newest)
    calls = Call.objects.filter(account=account)
    for call in calls:
        assert (call.state == "disconnected") == (call.ended_at is not None)
    return {call.call_id: {name: getattr(call, name) for name in SHOWN} for call in calls}


def together(account: BandwidthAccount) -> list[list[str]]:
    """The ids of the calls that are one conversation."""
    found: dict[Any, list[str]] = {}
    for call in Call.objects.filter(account=account).order_by("call_id"):
        found.setdefault(call.conversation_id or call.call_id, []).append(call.call_id)
    return sorted(found.values())


@settings(
    max_examples=60,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
    phases=[Phase.explicit, Phase.reuse, Phase.generate],  # dice make nothing that could be shown smaller
)
@given(st.randoms(use_true_random=False))
def test_any_order_and_repetition_of_events_listings_and_typed_ids_ends_in_the_same_calls(
    cast: Cast, dice: Random
) -> None:
    Call.objects.all().delete()
    stories = [story(f"c-{number:03}", dice) for number in range(dice.randint(1, 5))]
    one = live_through(cast.acme_account, cast.ana, stories, dice)
    other = live_through(cast.globex_account, cast.omar, stories, dice)
    if all(told.stays or not told.over for told in stories):
        # Of a call that nobody ever showed it depends on who told first whether it ties others together.
        assert together(cast.acme_account) == together(cast.globex_account)
    for told in stories:
        ours, theirs = one.get(told.call_id), other.get(told.call_id)
        # Whether a call is kept that nobody ever showed depends on who told first; on a board it is nowhere.
        unseen = told.over and not told.stays
        assert ours == theirs or (
            unseen and all(call is None or call["state"] == "disconnected" for call in (ours, theirs))
        )
        if ours:
            assert (ours["state"] == "disconnected") == told.over
