"""Users in Django admin: added, changed, unlocked. A tenant admin answers for the people of their tenants alone."""

import copy
from typing import Any

from django.contrib import admin, messages
from django.contrib.auth.admin import UserAdmin as DjangoUserAdmin
from django.core.exceptions import PermissionDenied
from django.db import IntegrityError, transaction
from django.db.models import BooleanField, ExpressionWrapper, Model, Prefetch, Q, QuerySet
from django.db.models.functions import Now
from django.forms import ModelForm
from django.http import HttpRequest, HttpResponse

from voicedash.tenants import administering, board, changes, signing_in
from voicedash.tenants.admin.rows import columns, stamp
from voicedash.tenants.admin.scope import Scoped, administered, everywhere, rows
from voicedash.tenants.administering import Tenants
from voicedash.tenants.forms import NewMemberForm, PasswordForm, UserForm
from voicedash.tenants.models import Membership, Tenant, User

_SIGNING_IN: Any = ("Signing in", {"fields": ["failed_sign_ins", "locked_until", "last_login", "date_joined"]})
_PASSWORD_FIRST = "Set a new password first, for whoever added them may know the one they have."
_HELP = {
    "is_active": "Untick it for somebody who leaves: they are out at once. Nobody is deleted, for the log names them.",
    "is_staff": (
        "Makes a manager a tenant admin: they come into these pages, and see and change there the tenants that they "
        "are a manager of, with their people, reasons and Bandwidth accounts. " + _PASSWORD_FIRST
    ),
    "is_superuser": "Sees and changes everything in these pages, of every tenant. " + _PASSWORD_FIRST,
}


class LockedFilter(admin.SimpleListFilter):
    title = parameter_name = "locked"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("yes", "Locked now")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[User]) -> QuerySet[User]:
        return queryset.filter(locked_until__gt=Now(), **_of_wards(request)) if self.value() else queryset


class ActiveFilter(admin.SimpleListFilter):
    title = parameter_name = "active"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("yes", "Yes"), ("no", "No")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[User]) -> QuerySet[User]:
        return queryset.filter(is_active=self.value() == "yes", **_of_wards(request)) if self.value() else queryset


def _of_wards(request: HttpRequest) -> dict[str, bool]:
    # Whether others are locked or active is not shown, so it cannot be asked for either.
    return {} if everywhere(request) else {"ward": True}


@admin.register(User)
class UserAdmin(Scoped, DjangoUserAdmin):
    list_display = ["username", "name", "email", "is_active", "is_superuser", "failed_sign_ins", "locked_until"]
    list_filter = [LockedFilter, "is_active", "is_superuser"]
    search_fields = ["username", "name", "email"]
    filter_horizontal = []
    readonly_fields = ["failed_sign_ins", "locked_until", "last_login", "date_joined"]
    fieldsets = [
        (None, {"fields": ["username", "password", "name", "email"]}),
        ("May", {"fields": ["is_active", "is_staff", "is_superuser"]}),
        _SIGNING_IN,
    ]
    add_form = UserForm
    add_fieldsets = [(None, {"fields": ["username", "name", "email", "usable_password", "password1", "password2"]})]
    actions = ["unlock"]
    may = frozenset({"view", "add", "change"})

    # --- What a tenant admin sees: their own people, and of those who are also elsewhere the name ---

    def within(self, tenants: Tenants) -> Q:
        return administering.people(tenants)

    def changeable(self, tenants: Tenants) -> Q:
        return administering.wards(tenants)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        listed = super().get_queryset(request)
        if everywhere(request):
            return listed
        tenants = administered(request)
        here = Membership.objects.filter(tenant__in=tenants).select_related("tenant")
        ward = ExpressionWrapper(administering.wards(tenants), output_field=BooleanField())
        known: QuerySet[Any] = listed.annotate(ward=ward)
        return known.prefetch_related(Prefetch("memberships", here, to_attr="memberships_here"))

    def get_list_display(self, request: HttpRequest) -> Any:
        if everywhere(request):
            return super().get_list_display(request)
        return ["username", "name", "roles", "active", "locked"]

    def get_sortable_by(self, request: HttpRequest) -> Any:
        return super().get_sortable_by(request) if everywhere(request) else ["username", "name"]

    def get_list_filter(self, request: HttpRequest) -> Any:
        return super().get_list_filter(request) if everywhere(request) else [LockedFilter, ActiveFilter]

    def get_search_fields(self, request: HttpRequest) -> Any:
        return super().get_search_fields(request) if everywhere(request) else ["username", "name"]

    @admin.display(description="role")
    def roles(self, obj: Any) -> str:
        return ", ".join(f"{member.get_role_display()} at {member.tenant}" for member in obj.memberships_here)

    @admin.display(description="active")
    def active(self, obj: Any) -> str:
        if obj.ward:
            return "Yes" if obj.is_active else "No"
        return "An admin" if obj.is_staff or obj.is_superuser else "Also elsewhere"

    @admin.display(description="locked until")
    def locked(self, obj: Any) -> Any:
        return obj.locked_until if obj.ward else None

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        listed: Any = super().get_fieldsets(request, obj)
        if everywhere(request):
            return listed
        if obj is None:
            return [*listed, ("Member", {"fields": ["tenant", "role"]})]
        if not self.has_change_permission(request, obj):
            told = "Only a superuser changes this person, who is an admin or also a member elsewhere."
            return [(None, {"fields": ["username", "name", "roles"], "description": told})]
        return [
            (None, {"fields": ["username", "password", "name", "email", "roles"]}),
            ("May", {"fields": ["is_active"]}),
            _SIGNING_IN,
        ]

    def get_readonly_fields(self, request: HttpRequest, obj: Model | None = None) -> list[str]:
        fixed = [str(name) for name in super().get_readonly_fields(request, obj)]
        return fixed if everywhere(request) or obj is None else [*fixed, "roles"]

    # --- Writing ---

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        # The log names people by their key: who leaves is made inactive, and keeps it.
        return False

    def get_form(self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any) -> Any:
        if obj is None and not everywhere(request):
            kwargs["form"] = type("New", (NewMemberForm,), {"tenants": rows(request, Tenant, self.admin_site)})
        return super().get_form(request, obj, change=change, help_texts=_HELP, **kwargs)

    def judge(self, request: HttpRequest, user: User) -> None:
        """Raises PermissionDenied where who asks does not answer for `user` now.

        Within the transaction that changes the user: whoever becomes a member elsewhere meanwhile does so
        before this, and is seen, or after the change. A new membership waits for the row that it points to.
        """
        if everywhere(request):
            return
        list(User.objects.select_for_update().filter(pk=user.pk).values_list("pk"))
        if not administering.is_ward(user, administering.tenants_of(request.user.pk)):
            raise PermissionDenied("Only a superuser changes this person.")

    def changeform_view(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        try:
            return super().changeform_view(request, *args, **kwargs)
        except IntegrityError:
            # The name was taken after the form had been judged. All of it is undone, the lock too: judged again,
            # the form says so itself.
            request.__dict__.pop("board_stamps", None)
            return super().changeform_view(request, *args, **kwargs)

    def save_model(self, request: HttpRequest, obj: Any, form: ModelForm, change: bool) -> None:
        if not change:
            self._add(request, obj, form)
        elif changed := columns(form):
            self.judge(request, obj)
            obj.save(update_fields=changed)
            changes.tell_of_user(obj, "changed", at=board.database_time(), actor=request.user.pk, fields=changed)

    def _add(self, request: HttpRequest, obj: User, form: ModelForm) -> None:
        if isinstance(form, NewMemberForm):
            tenant = form.cleaned_data["tenant"]
            begun = stamp(request, tenant.pk)
            obj.save()
            member = Membership.objects.create(tenant=tenant, user=obj, role=form.cleaned_data["role"])
            changes.tell(member, "added", at=begun.now, actor=request.user.pk)
        elif everywhere(request):
            obj.save()
        else:
            raise PermissionDenied
        changes.tell_of_user(obj, "added", at=board.database_time(), actor=request.user.pk)

    def user_change_password(self, request: HttpRequest, id: str, form_url: str = "") -> HttpResponse:
        admins = self

        class Form(PasswordForm):
            actor = request.user.pk

            def judge(self, user: User) -> None:
                admins.judge(request, user)

        own = copy.copy(self)  # the form is an attribute of the admin, which all threads share
        own.change_password_form = Form
        return DjangoUserAdmin.user_change_password(own, request, id, form_url)

    @admin.action(description="Unlock", permissions=["change"])
    def unlock(self, request: HttpRequest, queryset: QuerySet[User]) -> None:
        for user in queryset:
            try:
                with transaction.atomic():
                    self.judge(request, user)
                    signing_in.unlock(user, actor=request.user.pk)
            except PermissionDenied:
                self.message_user(request, f"{user} was left as it was: only a superuser changes it.", messages.WARNING)
            else:
                self.message_user(request, f"{user} can sign in again.", messages.SUCCESS)
