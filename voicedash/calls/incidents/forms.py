"""What a reader of the list asks for."""

import re
from collections.abc import Mapping
from typing import Any
from zoneinfo import ZoneInfo

from django import forms
from django.core.exceptions import ValidationError

from voicedash.audit.forms import Choice, Choices, Moment
from voicedash.calls.incidents.models import Kind
from voicedash.calls.incidents.reading import Wish

SHOWN: Choices = [("live", "Live now"), ("open", "Open"), ("closed", "Closed"), ("all", "All")]
_CALL_ID = re.compile(r"[!-~]{1,64}")


class FilterForm(forms.Form):
    """The filter of the list. `people` by their keys, "0" for nobody."""

    use_required_attribute = False

    def __init__(self, asked: Mapping[str, Any], *, zone: ZoneInfo, people: Choices) -> None:
        super().__init__(asked)
        self.fields["show"] = Choice("Show", "Open", [one for one in SHOWN if one[0] != "open"])
        self.fields["kind"] = Choice("What", "Everything", [(str(value), str(label)) for value, label in Kind.choices])
        self.fields["taken"] = Choice("Taken by", "Anybody or nobody", people)
        self.fields["from"] = Moment("Opened from", zone)
        self.fields["to"] = Moment("Until", zone, ends=True)
        self.fields["call"] = forms.CharField(label="Call id", required=False)
        self.fields["call"].widget.attrs |= {"autocomplete": "off", "spellcheck": "false"}

    def clean_call(self) -> str:
        call_id = str(self.cleaned_data["call"])
        if call_id and not _CALL_ID.fullmatch(call_id):
            raise ValidationError("This is no call id: one word of at most 64 plain letters, such as c-15ac29a2-…")
        return call_id

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or self.cleaned_data
        since, until = cleaned.get("from"), cleaned.get("to")
        if since and until and until <= since:
            self.add_error("to", "This is not after From.")
        return cleaned

    @property
    def is_filled(self) -> bool:
        return any(field.value() for field in self)

    def wish(self) -> Wish:
        """What is looked for: without a word the open ones. Only where the form is valid."""
        asked = self.cleaned_data
        show = "" if asked["show"] == "all" else asked["show"] or "open"
        return Wish(show, asked["kind"], asked["taken"], asked["call"], asked["from"], asked["to"])
