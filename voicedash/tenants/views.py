"""The way in: the bare address leads everyone to their board, and the setup link the first admin to a password."""

from allauth.account.adapter import get_adapter
from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods

from voicedash.tenants import access, setup
from voicedash.tenants.forms import FirstAdminForm
from voicedash.tenants.models import Membership


def home(request: HttpRequest) -> HttpResponse:
    """The board of a person's one tenant, the choice between several, or what to do without any."""
    seen = Membership.objects.filter(user=request.user.pk, role__in=access.SEES).select_related("tenant")
    memberships = list(seen.order_by("tenant__name"))
    if len(memberships) == 1:
        return redirect("board", tenant=memberships[0].tenant.slug)
    return render(request, "tenants/choice.html", {"memberships": memberships})


# The token is the proof that no other site made the browser post. And without a referrer, which would
# tell the token, browsers name no origin either: Django's own check would refuse every honest post.
@csrf_exempt
@login_not_required
@sensitive_post_parameters("password1", "password2")
@require_http_methods(["GET", "HEAD", "POST"])
def first_admin(request: HttpRequest, token: str) -> HttpResponse:
    """Makes the first superuser by the link that `serve` printed, and signs them in."""
    answer = _first_admin(request, token)
    answer.headers["Referrer-Policy"] = "no-referrer"
    answer.headers["Cache-Control"] = "no-store"
    return answer


def _first_admin(request: HttpRequest, token: str) -> HttpResponse:
    if not setup.is_open(token):
        return render(request, "tenants/setup_closed.html", status=404)
    form = FirstAdminForm(request.POST if request.method == "POST" else None)
    if not form.is_valid():
        return render(request, "tenants/setup.html", {"form": form})
    admin = form.save(commit=False)
    try:
        setup.use_link(token, admin)
    except setup.Closed:
        return render(request, "tenants/setup_closed.html", status=404)
    get_adapter().login(request, admin)
    return redirect("home")
