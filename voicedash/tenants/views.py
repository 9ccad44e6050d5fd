"""The way in: whoever opens the bare address is brought to their board."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render

from voicedash.tenants import access
from voicedash.tenants.models import Membership


def home(request: HttpRequest) -> HttpResponse:
    """The board of a person's one tenant, the choice between several, or what to do without any."""
    seen = Membership.objects.filter(user=request.user.pk, role__in=access.SEES).select_related("tenant")
    memberships = list(seen.order_by("tenant__name"))
    if len(memberships) == 1:
        return redirect("board", tenant=memberships[0].tenant.slug)
    return render(request, "tenants/choice.html", {"memberships": memberships})
