"""The forms of Django admin that do more than their fields: a secret that only goes in, one usual reason, a file."""

from typing import Any

from django import forms
from django.contrib.auth.forms import AdminPasswordChangeForm, AdminUserCreationForm, UserCreationForm
from django.db import transaction
from django.db.models import QuerySet

from voicedash.tenants import addresses, changes, lines, sealing
from voicedash.tenants.board import database_time
from voicedash.tenants.models import BandwidthAccount, Line, Membership, Reason, Role, Tenant, User


class TenantRowForm(forms.ModelForm):
    """A row of a tenant: what may stand once in a tenant is judged also where the tenant can no longer be chosen."""

    def _get_validation_exclusions(self) -> set[str]:
        return set(super()._get_validation_exclusions()) - {"tenant"}  # type: ignore[misc]


class AccountForm(TenantRowForm):
    """The secret is a field of the form only: what is kept is sealed by `tenants.sealing`, and never shown."""

    secret = forms.CharField(
        label="Client secret or password",
        required=False,
        strip=False,
        max_length=500,
        widget=forms.PasswordInput(render_value=False, attrs={"autocomplete": "new-password"}),
    )

    class Meta:
        model = BandwidthAccount
        fields = ["tenant", "name", "account_id", "auth", "client_id", "records"]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if self.instance.sealed_secret:
            self.fields["secret"].help_text = (
                "Set. Leave empty to keep it; what you enter takes its place."
                if sealing.opens(self.instance)
                else "Cannot be opened: no key in VOICEDASH_KEYS fits. Enter it again, or bring the key back."
            )
        else:
            self.fields["secret"].help_text = "Not set."
            self.fields["secret"].required = True


class UsualReasonForm(TenantRowForm):
    """One reason on a page of its own, where the other ones cannot be seen."""

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or self.cleaned_data
        tenant = cleaned.get("tenant") or (self.instance.tenant if self.instance.tenant_id else None)
        others = Reason.objects.filter(tenant=tenant, default=True).exclude(pk=self.instance.pk)
        if cleaned.get("default") and (usual := others.first()):
            self.add_error("default", f"“{usual}” is the usual one. The page of the tenant hands it over in one go.")
        return cleaned


class MemberForm(forms.ModelForm):
    """A row of a tenant's members. It does not pass to another person: the log would not say who lost it."""

    class Meta:
        model = Membership
        fields = ["user", "role"]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if self.instance.pk and "user" in self.fields:
            user = self.fields["user"]
            user.disabled = True
            for link in ("can_add_related", "can_change_related", "can_delete_related", "can_view_related"):
                setattr(user.widget, link, False)


class ReasonForm(forms.ModelForm):
    """A row of a tenant's reasons."""

    class Meta:
        model = Reason
        fields = ["name", "lease", "prolong", "note", "default"]

    def _get_validation_exclusions(self) -> set[str]:
        # Whether two are the usual one is judged over all rows of the form set: row by row, handing
        # it from one reason to another would always look like two.
        return set(super()._get_validation_exclusions()) | {"default"}  # type: ignore[misc]


class ReasonFormSet(forms.BaseInlineFormSet):
    def clean(self) -> None:
        super().clean()
        usual = [
            form
            for form in self.forms
            if getattr(form, "cleaned_data", {}).get("default") and not form.cleaned_data.get("DELETE")
        ]
        if len(usual) > 1:
            raise forms.ValidationError("Only one reason can be the usual one.")


class LineForm(TenantRowForm):
    """Takes an address as people write it."""

    class Meta:
        model = Line
        fields = ["tenant", "address", "name", "team"]

    def clean_address(self) -> str:
        try:
            return addresses.normal(self.cleaned_data["address"])
        except ValueError as error:
            why = str(error)
            raise forms.ValidationError(f"{why[0].upper()}{why[1:]}.") from None

    def clean_name(self) -> str:
        return self._shown("name")

    def clean_team(self) -> str:
        return self._shown("team")

    def _shown(self, field: str) -> str:
        text = lines.plain(self.cleaned_data[field])
        if not lines.is_shown(text):
            raise forms.ValidationError("There is a character in it that cannot be shown.")
        if not lines.is_seen(text):
            raise forms.ValidationError("There is nothing in it that can be seen.")
        return text


class LinesForm(forms.Form):
    """A list of lines, and for which of `tenants` it is: a file, then its text with what was shown of it."""

    tenant = forms.ModelChoiceField(Tenant.objects.none())
    file = forms.FileField(required=False, label="CSV file", widget=forms.FileInput(attrs={"accept": ".csv,.txt,.tsv"}))
    text = forms.CharField(required=False, strip=False, widget=forms.HiddenInput)
    seal = forms.CharField(required=False, widget=forms.HiddenInput)

    def __init__(self, *args: Any, tenants: QuerySet[Tenant], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        choice = self.fields["tenant"]
        assert isinstance(choice, forms.ModelChoiceField)
        choice.queryset = tenants
        if len(tenants) == 1:
            choice.empty_label = None


class FirstAdminForm(UserCreationForm):
    class Meta:
        model = User
        fields = ["username", "name"]


class UserForm(AdminUserCreationForm):
    class Meta:
        model = User
        fields = ["username", "name", "email"]


class NewMemberForm(UserForm):
    """A new user who is a member of one of `tenants`, which is given by a subclass for the request."""

    tenants: QuerySet[Tenant] = Tenant.objects.none()
    tenant = forms.ModelChoiceField(Tenant.objects.none())
    role = forms.ChoiceField(choices=Role.choices, initial=Role.VIEWER)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        choice = self.fields["tenant"]
        assert isinstance(choice, forms.ModelChoiceField)
        choice.queryset = self.tenants
        if len(self.tenants) == 1:
            choice.empty_label = None


class PasswordForm(AdminPasswordChangeForm):
    """Sets somebody's password, and says so in the log. `actor` and `judge` are given by a subclass for the request."""

    actor: int | None = None

    def judge(self, user: User) -> None:
        """Raises PermissionDenied where this must not be done to `user` now. In the transaction that does it."""

    def save(self, commit: bool = True) -> User:
        user: User = super().save(commit=False)
        with transaction.atomic():
            self.judge(user)
            user.save(update_fields=["password"])
            changes.tell_of_user(user, "changed", at=database_time(), actor=self.actor, fields=["password"])
        return user
