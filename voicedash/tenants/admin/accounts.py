"""Bandwidth accounts in Django admin: the secret goes in and never comes out, and saving tries it."""

from functools import partial
from typing import Any

from django.contrib import admin, messages
from django.db import transaction
from django.db.models import QuerySet
from django.forms import ModelForm
from django.http import HttpRequest

from voicedash.tenants import accounts, changes, sealing
from voicedash.tenants.admin.rows import OfTenant, stamp
from voicedash.tenants.forms import AccountForm
from voicedash.tenants.models import BandwidthAccount


@admin.register(BandwidthAccount)
class AccountAdmin(OfTenant):
    form = AccountForm
    list_display = [
        "__str__",
        "account_id",
        "tenant",
        "signs_in_by",
        "records",
        "secret_state",
        "check_result",
        "checked_at",
    ]
    list_filter = ["tenant", "auth", "check_result"]
    list_select_related = ["tenant"]
    search_fields = ["name", "account_id", "client_id", "tenant__name"]
    readonly_fields = ["check_told", "checked_at"]
    fields = ["tenant", "name", "account_id", "auth", "client_id", "secret", "records", "check_told", "checked_at"]
    actions = ["check_sign_in"]
    may = frozenset({"view", "add", "change"})  # its calls, which are evidence, would go with it

    @admin.display(description="sign-in", ordering="auth")
    def signs_in_by(self, obj: BandwidthAccount) -> str:
        return "Basic" if obj.auth == BandwidthAccount.Auth.BASIC else "OAuth2"

    @admin.display(description="secret")
    def secret_state(self, obj: BandwidthAccount) -> str:
        return accounts.secret_state(obj)

    @admin.display(description="sign-in at Bandwidth")
    def check_told(self, obj: BandwidthAccount) -> str:
        return f"{obj.get_check_result_display()}. {accounts.told(obj.check_result)}"

    def save_model(self, request: HttpRequest, obj: Any, form: ModelForm, change: bool) -> None:
        super().save_model(request, obj, form, change)
        if secret := form.cleaned_data.get("secret"):
            sealing.seal(obj, secret)  # after the row has its key, which is sealed in
            obj.save(update_fields=["sealed_secret"])
            if change:
                begun = stamp(request, obj.tenant_id)
                changes.tell(obj, "changed", at=begun.now, actor=request.user.pk, fields=["secret"])
        transaction.on_commit(partial(self._check, request, obj))

    @admin.action(description="Check sign-in at Bandwidth", permissions=["change"])
    def check_sign_in(self, request: HttpRequest, queryset: QuerySet[BandwidthAccount]) -> None:
        for account in queryset:
            self._check(request, account)

    def _check(self, request: HttpRequest, account: BandwidthAccount) -> None:
        # Some columns may not have been loaded from what is stored by now.
        account = BandwidthAccount.objects.select_related("tenant").get(pk=account.pk)
        result = accounts.check_account(account, actor=request.user.pk)
        level = messages.SUCCESS if result == BandwidthAccount.Check.OK else messages.ERROR
        told = f"{account} ({account.tenant}): {result.label}. {accounts.told(result)}"
        self.message_user(request, told, level)
