"""What may still be claimed of calls after the database was put back to an earlier moment: no pause."""

from voicedash.audit import log
from voicedash.calls import state
from voicedash.calls.models import Call, Recording, Wanted
from voicedash.tenants.board import writing
from voicedash.tenants.models import Board, Tenant

UNFINISHED = "voicedash_restore_unfinished"  # a table that is there for as long as a restore is not done
_AT_ONCE = 25  # calls in a transaction, each a row and an entry


def doubt_pauses() -> int:
    """Every call that is shown as paused becomes "not confirmed", with an entry; gives how many.

    Somebody may have resumed it after the moment that was restored: that entry is lost. Nobody may serve meanwhile.
    """
    count = 0
    for tenant_id in Tenant.objects.order_by("pk").values_list("pk", flat=True):
        _lift(tenant_id)
        paused = Call.objects.filter(tenant=tenant_id, recording=Recording.PAUSED, ended_at=None).order_by("pk")
        while True:
            with writing(tenant_id) as stamp:
                calls = list(paused[:_AT_ONCE])
                for call in calls:
                    # As if a resume had no readable answer: that is what cannot be ruled out.
                    state.unconfirm(call, Wanted.RECORDING, stamp)
                    chain = log.of_tenant(tenant_id)
                    log.append(chain, "recording.doubted", at=stamp.now, call_id=call.call_id, data={"why": "restored"})
            if not calls:
                break
            count += len(calls)
    return count


def _lift(tenant_id: int) -> None:
    """Puts the tenant's version ahead of any that was given before, and its live calls to it.

    Browsers refuse rows older than those they show, and a resume from a page of before must count as old.
    """
    with writing(tenant_id) as stamp:
        ahead = max(stamp.version, round(stamp.now.timestamp() * 1000))
        Board.objects.filter(tenant=tenant_id).update(version=ahead)
        Call.objects.filter(tenant=tenant_id, ended_at=None).update(version=ahead)
