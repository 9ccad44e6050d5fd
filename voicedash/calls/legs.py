"""Which calls are legs of one conversation: their parents tell, in whatever order they are told of.

Also what follows from it: a leg that joins a conversation whose newest wish is a pause is due to be paused, from the
transaction on that put it there.
"""

from collections import defaultdict
from collections.abc import Iterable
from datetime import datetime

from django.db.models import Exists, OuterRef, Q

from voicedash.calls import due
from voicedash.calls.models import Call, Command, Conversation, Outcome, Recording, Wanted
from voicedash.tenants.board import Stamp

_WISHES = (Command.Source.PERSON, Command.Source.TIMER)  # whose commands are wishes, or the end of one


def wish_of(conversation_id: int, *, joining: datetime | None = None) -> Command | None:
    """What a person wished last of a conversation, pressed on it or on one of its legs; None: nothing that still holds.

    A resume that came to nothing leaves the pause before it wished for. A pause holds as long as a live leg is paused
    or not confirmed, or is to be paused. For a leg `joining` at that moment a leg counts that ended in it, whose place
    it may take, and a resume that is still being asked does not: it may come to nothing, and nothing due is asked
    before.
    """
    legs = list(Call.objects.filter(conversation=conversation_id).values_list("pk", flat=True))
    wished = Command.objects.select_related("by", "reason").filter(call__in=legs, source__in=_WISHES)
    wished = wished.exclude(outcome=Outcome.NOT_ASKED).exclude(wanted=Wanted.RECORDING, outcome__in=due.IN_VAIN)
    if joining:
        wished = wished.exclude(due.OPEN, wanted=Wanted.RECORDING)
    wish = wished.order_by("-id").first()
    return wish if wish is None or wish.wanted != Wanted.PAUSED or _is_held(legs, joining) else None


def tie(tenant_id: int, calls: Iterable[Call], stamp: Stamp) -> None:
    """Puts `calls`, which are new or have another parent now, into the conversations that they belong to.

    They are stored already, in this transaction. Whatever they tie together becomes one conversation; a call that
    nothing ties to another has none. Any order of the same calls ends in the same conversations.
    """
    told = {call.call_id: call for call in calls}
    children = [call for call in told.values() if call.parent_call_id or call.conversation_id]
    awaited = set(Conversation.objects.filter(tenant=tenant_id, root__in=told).values_list("pk", flat=True))
    if not children and not awaited:
        return
    parents = Call.objects.filter(
        tenant=tenant_id, call_id__in={call.parent_call_id for call in children} - told.keys()
    )
    known = {call.call_id: call for call in parents} | told
    before = awaited | {call.conversation_id for call in known.values() if call.conversation_id}
    for leg in Call.objects.filter(conversation__in=before):
        known.setdefault(leg.call_id, leg)
    together: dict[str, list[Call]] = defaultdict(list)
    for call in known.values():
        together[_root(call, known)].append(call)
    kept = {root: calls for root, calls in together.items() if len(calls) > 1 or calls[0].call_id != root}
    for root, conversation in _conversations(tenant_id, kept).items():
        _move(kept[root], conversation, stamp)
    alone = [calls[0] for root, calls in together.items() if root not in kept]
    _move(alone, None, stamp)
    used = {call.conversation_id for call in known.values()}
    Conversation.objects.filter(pk__in=before - used, legs=None).delete()


def forget_empty(tenant_id: int) -> None:
    """Deletes the tenant's conversations whose calls were all deleted."""
    Conversation.objects.filter(tenant=tenant_id, legs=None).delete()


def join(call: Call, pressed: frozenset[int], stamp: Stamp) -> None:
    """Live legs of the call's conversation that are not among those `pressed` are due to be paused as well.

    They joined after those were read, and before this pause was a wish that a leg joins.
    """
    others = Call.objects.filter(conversation__isnull=False, conversation=call.conversation_id, ended_at=None)
    others = others.filter(pause_due_at=None).exclude(pk__in=pressed).exclude(recording=Recording.PAUSED)
    others.update(pause_due_at=stamp.now, version=stamp.version)


def release(call: Call, command: Command, stamp: Stamp) -> None:
    """Nothing of the call's conversation is due any more, where `command`, which may have been done, is a resume."""
    if call.conversation_id and command.wanted == Wanted.RECORDING and command.source in _WISHES:
        waiting = Call.objects.filter(conversation=call.conversation_id, pause_due_at__isnull=False)
        waiting.update(pause_due_at=None, version=stamp.version)
        call.pause_due_at = None


def _is_held(legs: list[int], at: datetime | None) -> bool:
    asked = Exists(Command.objects.filter(due.OPEN, call=OuterRef("pk"), wanted=Wanted.PAUSED))
    shown = Q(recording__in=(Recording.PAUSED, Recording.UNCONFIRMED)) | Q(pause_due_at__isnull=False)
    return Call.objects.filter(Q(ended_at=None) | Q(ended_at=at), shown | Q(asked), pk__in=legs).exists()


def _root(call: Call, known: dict[str, Call]) -> str:
    """The id of the oldest ancestor. Where ids go round in a circle, the first of them by name."""
    way: list[str] = []
    at = call.call_id
    while at not in way:
        way.append(at)
        found = known.get(at)
        if found is None or found.parent_call_id in {"", at}:
            return at
        at = found.parent_call_id
    return min(way[way.index(at) :])


def _conversations(tenant_id: int, roots: Iterable[str]) -> dict[str, Conversation]:
    wanted = set(roots)
    found = {one.root: one for one in Conversation.objects.filter(tenant=tenant_id, root__in=wanted)}
    # The tenant's lock is ours: nobody else makes them meanwhile.
    new = Conversation.objects.bulk_create(
        Conversation(tenant_id=tenant_id, root=root) for root in wanted - found.keys()
    )
    return found | {one.root: one for one in new}


def _move(calls: list[Call], conversation: Conversation | None, stamp: Stamp) -> None:
    """Makes `calls` the legs of `conversation`, or of none; those that join a pause are due from now on."""
    to = conversation.pk if conversation else None
    moved = [call for call in calls if call.conversation_id != to]
    if not moved:
        return
    _write(moved, stamp, conversation_id=to, **({} if to else {"pause_due_at": None}))
    if to:
        live = Call.objects.filter(conversation=to, ended_at=None).exclude(pk__in=[call.pk for call in moved])
        if len(stood := list(live[:2])) == 1:
            _write(stood, stamp)  # until now the one row of its conversation: who presses on that means the whole call
    wish = wish_of(to, joining=stamp.now) if to else None
    if wish is None or wish.wanted != Wanted.PAUSED:
        return
    # Where the wish has come along with its leg, all the others join it.
    joined = calls if any(call.pk == wish.call_id for call in moved) else moved
    unpaused = [call for call in joined if call.pk != wish.call_id and call.recording != Recording.PAUSED]
    _write([call for call in unpaused if call.ended_at is None], stamp, pause_due_at=stamp.now)


def _write(calls: list[Call], stamp: Stamp, **columns: object) -> None:
    columns["version"] = stamp.version
    Call.objects.filter(pk__in=[call.pk for call in calls]).update(**columns)
    for call in calls:
        for name, value in columns.items():
            setattr(call, name, value)
