"""The admin site as a whole: its name, what is not offered, and whose doings its first page lists."""

import allauth.account.admin
import allauth.mfa.admin
from django.contrib import admin
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Group
from django.contrib.contenttypes.models import ContentType
from django.db.models import CharField, Q, QuerySet
from django.db.models.functions import Cast
from django.http import HttpRequest

from voicedash.tenants.admin.scope import NOTHING, Scoped, administered, everywhere

admin.site.site_header = "voicedash"
admin.site.site_title = "voicedash admin"
admin.site.index_title = "Tenants, people and accounts"
# Roles are memberships: groups would be a second, unheard way to rights. The other two are allauth's own
# tables, written here without a word in the log; they are imported first so that they are registered by now.
for model in (Group, allauth.account.admin.EmailAddress, allauth.mfa.admin.Authenticator):
    admin.site.unregister(model)


def _recent(request: HttpRequest) -> QuerySet[LogEntry]:
    """What was done in admin to rows that who asks may see today: an entry keeps the name that its row had."""
    entries = LogEntry.objects.select_related("content_type", "user")
    if everywhere(request):
        return entries
    seen: Q = NOTHING
    for model, listed in admin.site._registry.items():
        if isinstance(listed, Scoped):
            rows = model._default_manager.filter(listed.within(administered(request)))
            keys = rows.annotate(key=Cast("pk", CharField())).values("key")
            seen |= Q(content_type=ContentType.objects.get_for_model(model), object_id__in=keys)
    return entries.filter(seen)


admin.site.get_log_entries = _recent  # type: ignore[method-assign]
