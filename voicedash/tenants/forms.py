"""The forms of Django admin that do more than their fields: a secret that only goes in, one usual reason."""

from typing import Any

from django import forms
from django.contrib.auth.forms import AdminPasswordChangeForm, AdminUserCreationForm
from django.db import transaction

from voicedash.tenants import changes
from voicedash.tenants.board import database_time
from voicedash.tenants.models import BandwidthAccount, Reason, User


class AccountForm(forms.ModelForm):
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
            self.fields["secret"].help_text = "Set. Leave empty to keep it; what you enter takes its place."
        else:
            self.fields["secret"].help_text = "Not set."
            self.fields["secret"].required = True


class ReasonForm(forms.ModelForm):
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


class UserForm(AdminUserCreationForm):
    class Meta:
        model = User
        fields = ["username", "name", "email"]


class PasswordForm(AdminPasswordChangeForm):
    """Sets somebody's password, and says so in the log. `actor` is given by a subclass for the request."""

    actor: int | None = None

    def save(self, commit: bool = True) -> User:
        user: User = super().save(commit=False)
        with transaction.atomic():
            user.save(update_fields=["password"])
            changes.tell_of_user(user, "changed", at=database_time(), actor=self.actor, fields=["password"])
        return user
