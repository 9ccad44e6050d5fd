"""Tenants, people and Bandwidth accounts in Django admin, for those who run voicedash (superusers).

Admin's change and delete views are one transaction each: its first write takes the tenant's lock,
its last ones tell the log.
"""

import copy
from collections.abc import Iterable
from functools import partial
from typing import Any

import allauth.account.admin
import allauth.mfa.admin
from django.contrib import admin, messages
from django.contrib.auth.admin import UserAdmin as DjangoUserAdmin
from django.contrib.auth.models import Group
from django.db import transaction
from django.db.models import Model, QuerySet
from django.forms import BaseModelFormSet, ModelForm
from django.http import HttpRequest, HttpResponse
from django.utils import timezone

from voicedash.tenants import accounts, board, changes, sealing, signing_in
from voicedash.tenants.board import Stamp
from voicedash.tenants.forms import AccountForm, PasswordForm, ReasonForm, ReasonFormSet, UserForm
from voicedash.tenants.models import BandwidthAccount, Membership, Reason, Tenant, User

admin.site.site_header = "voicedash"
admin.site.site_title = "voicedash admin"
admin.site.index_title = "Tenants, people and accounts"
# Roles are memberships: groups would be a second, unheard way to rights. The other two are allauth's own
# tables, written here without a word in the log; they are imported first so that they are registered by now.
for model in (Group, allauth.account.admin.EmailAddress, allauth.mfa.admin.Authenticator):
    admin.site.unregister(model)


def _stamp(request: HttpRequest, tenant_id: int) -> Stamp:
    """The tenant's lock, taken once in the transaction of this request."""
    stamps: dict[int, Stamp] = request.__dict__.setdefault("board_stamps", {})
    if tenant_id not in stamps:
        stamps[tenant_id] = board.begin(tenant_id)
    return stamps[tenant_id]


def _columns(form: ModelForm) -> list[str]:
    """The columns that the form changed: what is not in it may have changed since it was opened."""
    own = {field.name for field in form.instance._meta.concrete_fields}
    return [name for name in form.changed_data if name in own]


class OfTenant(admin.ModelAdmin):
    """A tenant, or a row of one: written under the tenant's lock, with an entry in its log."""

    show_full_result_count = False

    def tenant_id(self, obj: Any) -> int:
        return int(obj.tenant_id)

    def get_readonly_fields(self, request: HttpRequest, obj: Model | None = None) -> list[str]:
        # A row does not move to another tenant: a secret is sealed for one, calls hang on the other.
        fixed = ["tenant"] if obj is not None and hasattr(obj, "tenant_id") else []
        return [*(str(name) for name in super().get_readonly_fields(request, obj)), *fixed]

    def save_model(self, request: HttpRequest, obj: Any, form: ModelForm, change: bool) -> None:
        columns = _columns(form)
        if change:
            stamp = _stamp(request, self.tenant_id(obj))
            if columns:
                obj.save(update_fields=columns)
                changes.tell(obj, "changed", at=stamp.now, actor=request.user.pk, fields=columns)
            return
        if not isinstance(obj, Tenant):
            _stamp(request, self.tenant_id(obj))
        obj.save()
        stamp = _stamp(request, self.tenant_id(obj))  # a new tenant's board comes after it
        changes.tell(obj, "added", at=stamp.now, actor=request.user.pk)

    def delete_model(self, request: HttpRequest, obj: Any) -> None:
        stamp = _stamp(request, self.tenant_id(obj))
        changes.tell(obj, "removed", at=stamp.now, actor=request.user.pk)
        obj.delete()

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> None:
        for obj in queryset:
            with board.writing(self.tenant_id(obj)) as stamp:
                changes.tell(obj, "removed", at=stamp.now, actor=request.user.pk)
                obj.delete()

    def get_deleted_objects(
        self, objs: Iterable[Any], request: HttpRequest
    ) -> tuple[list[Any], dict[str, int], set[str], list[Any]]:
        """What goes along, counted and not listed: there may be a hundred thousand calls.

        Calls are read-only in admin, but go with their tenant or account; the log stays.
        """
        gone = list(objs)
        counts: dict[str, int] = {str(self.opts.verbose_name_plural): len(gone)}
        for relation in self.opts.related_objects:
            if relation.related_model is not None and relation.one_to_many:
                found = relation.related_model._default_manager.filter(**{f"{relation.field.name}__in": gone}).count()
                if found:
                    counts[str(relation.related_model._meta.verbose_name_plural)] = found
        forbidden = set() if request.user.is_superuser else {str(self.opts.verbose_name)}
        return [str(obj) for obj in gone], counts, forbidden, [kept for obj in gone for kept in _unfinished(obj)]


def _unfinished(obj: Any) -> list[str]:
    """Calls of a tenant or an account that nobody could resume any more once it was gone."""
    if not hasattr(obj, "calls"):
        return []
    paused = obj.calls.filter(ended_at=None, recording__in=["paused", "unconfirmed"])
    return [f"{call}: its recording is paused or not confirmed. Resume it first." for call in paused[:10]]


class MemberInline(admin.TabularInline):
    model = Membership
    extra = 0


class ReasonInline(admin.TabularInline):
    model = Reason
    form = ReasonForm
    formset = ReasonFormSet
    extra = 0


@admin.register(Tenant)
class TenantAdmin(OfTenant):
    list_display = ["name", "slug", "time_zone", "keep_numbers_days"]
    search_fields = ["name", "slug"]
    prepopulated_fields = {"slug": ["name"]}
    inlines = [MemberInline, ReasonInline]

    def tenant_id(self, obj: Any) -> int:
        return int(obj.pk)

    def save_formset(self, request: HttpRequest, form: Any, formset: BaseModelFormSet, change: bool) -> None:
        tenant: Tenant = form.instance
        stamp = _stamp(request, tenant.pk)
        if isinstance(formset, ReasonFormSet):
            # Handing "usual" over must not pass through a moment with two of them.
            usual = [row.instance.pk for row in formset.forms if row.instance.default]
            tenant.reasons.filter(default=True).exclude(pk__in=[pk for pk in usual if pk]).update(default=False)
        formset.save()
        tell = partial(changes.tell, at=stamp.now, actor=request.user.pk)
        for obj in formset.new_objects:
            tell(obj, "added")
        for obj, fields in formset.changed_objects:
            tell(obj, "changed", fields=fields)
        for obj in formset.deleted_objects:
            tell(obj, "removed")


@admin.register(Membership)
class MembershipAdmin(OfTenant):
    list_display = ["user", "tenant", "role"]
    list_filter = ["tenant", "role"]
    list_select_related = ["user", "tenant"]
    search_fields = ["user__username", "user__name", "tenant__name"]


@admin.register(Reason)
class ReasonAdmin(OfTenant):
    list_display = ["name", "tenant", "lease", "prolong", "note", "default"]
    list_filter = ["tenant"]
    list_select_related = ["tenant"]
    search_fields = ["name", "tenant__name"]


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

    @admin.display(description="sign-in", ordering="auth")
    def signs_in_by(self, obj: BandwidthAccount) -> str:
        return "Basic" if obj.auth == BandwidthAccount.Auth.BASIC else "OAuth2"

    @admin.display(description="secret")
    def secret_state(self, obj: BandwidthAccount) -> str:
        return "set" if obj.sealed_secret else "not set"

    @admin.display(description="sign-in at Bandwidth")
    def check_told(self, obj: BandwidthAccount) -> str:
        return f"{obj.get_check_result_display()}. {accounts.told(obj.check_result)}"

    def save_model(self, request: HttpRequest, obj: Any, form: ModelForm, change: bool) -> None:
        super().save_model(request, obj, form, change)
        if secret := form.cleaned_data.get("secret"):
            sealing.seal(obj, secret)  # after the row has its key, which is sealed in
            obj.save(update_fields=["sealed_secret"])
            if change:
                stamp = _stamp(request, obj.tenant_id)
                changes.tell(obj, "changed", at=stamp.now, actor=request.user.pk, fields=["secret"])
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


class LockedFilter(admin.SimpleListFilter):
    title = parameter_name = "locked"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("yes", "Locked now")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[User]) -> QuerySet[User]:
        return queryset.filter(locked_until__gt=timezone.now()) if self.value() else queryset


@admin.register(User)
class UserAdmin(DjangoUserAdmin):
    list_display = ["username", "name", "email", "is_active", "is_superuser", "failed_sign_ins", "locked_until"]
    list_filter = [LockedFilter, "is_active", "is_superuser"]
    search_fields = ["username", "name", "email"]
    filter_horizontal = []
    readonly_fields = ["failed_sign_ins", "locked_until", "last_login", "date_joined"]
    fieldsets = [
        (None, {"fields": ["username", "password", "name", "email"]}),
        ("May", {"fields": ["is_active", "is_staff", "is_superuser"]}),
        ("Signing in", {"fields": ["failed_sign_ins", "locked_until", "last_login", "date_joined"]}),
    ]
    add_form = UserForm
    add_fieldsets = [(None, {"fields": ["username", "name", "email", "usable_password", "password1", "password2"]})]
    actions = ["unlock"]

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        # The log names people by their key: who leaves is made inactive, and keeps it.
        return False

    def save_model(self, request: HttpRequest, obj: Any, form: ModelForm, change: bool) -> None:
        columns = _columns(form)
        if not change:
            obj.save()
        elif columns:
            obj.save(update_fields=columns)
        else:
            return
        fields = columns if change else []
        did = "changed" if change else "added"
        changes.tell_of_user(obj, did, at=board.database_time(), actor=request.user.pk, fields=fields)

    def user_change_password(self, request: HttpRequest, id: str, form_url: str = "") -> HttpResponse:
        class Form(PasswordForm):
            actor = request.user.pk

        own = copy.copy(self)  # the form is an attribute of the admin, which all threads share
        own.change_password_form = Form
        return DjangoUserAdmin.user_change_password(own, request, id, form_url)

    @admin.action(description="Unlock", permissions=["change"])
    def unlock(self, request: HttpRequest, queryset: QuerySet[User]) -> None:
        for user in queryset:
            signing_in.unlock(user, actor=request.user.pk)
            self.message_user(request, f"{user} can sign in again.", messages.SUCCESS)
