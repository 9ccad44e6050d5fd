"""Tells a supervisor of processes that this one answers."""

from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe


@login_not_required
@never_cache
@require_safe
def healthz(request: HttpRequest) -> HttpResponse:
    """Answers "ok" without asking the database: a database that is away is no reason to restart the process."""
    return HttpResponse("ok", content_type="text/plain; charset=utf-8")
