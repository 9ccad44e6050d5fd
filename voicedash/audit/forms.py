"""What a reader of the log asks for: whatever is typed gets a sentence at its field, and the other fields stay."""

import re
from collections.abc import Mapping
from contextlib import suppress
from datetime import datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from django import forms
from django.core.exceptions import ValidationError

from voicedash.audit import words
from voicedash.audit.reading import Wish

Choices = list[tuple[str, str]]
_DAY = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)
_CALL_ID = re.compile(r"[!-~]{1,100}")  # one word of plain letters, digits and signs
_YEARS = range(2000, 2100)


class Moment(forms.Field):
    """A time on the tenant's clocks. A day alone is its beginning; with `ends`, its end."""

    def __init__(self, label: str, zone: ZoneInfo, *, ends: bool = False) -> None:
        super().__init__(label=label, required=False, widget=forms.TextInput(attrs={"type": "datetime-local"}))
        self.zone, self.ends = zone, ends

    def to_python(self, value: Any) -> datetime | None:
        text = str(value or "").strip()
        if not text:
            return None
        wrong = ValidationError(f"“{text[:40]}” is no time on the clocks here. Write it as 2026-11-27 14:00.")
        try:
            told = datetime.fromisoformat(text)
        except ValueError:
            raise wrong from None
        if told.tzinfo or told.year not in _YEARS:
            raise wrong
        if self.ends and _DAY.fullmatch(text):
            told = datetime.combine(told, time()) + timedelta(days=1)
        # An hour that comes twice, when clocks are set back, is in it twice.
        return told.replace(tzinfo=self.zone, fold=int(self.ends))

    def prepare_value(self, value: Any) -> Any:
        """What was understood: of a day alone, where they want a time, browsers show nothing."""
        with suppress(ValidationError):
            if understood := self.to_python(value):
                return understood.strftime("%Y-%m-%dT%H:%M:%S").removesuffix(":00")
        return value


class Choice(forms.ChoiceField):
    """One of some; empty: any."""

    def __init__(self, label: str, any_of_them: str, choices: Choices) -> None:
        self.known = dict(choices)
        super().__init__(label=label, required=False, choices=[("", any_of_them), *choices])

    def validate(self, value: Any) -> None:
        if value and value not in self.known:
            raise ValidationError(f"“{str(value)[:40]}” is none of these.")


class _TimeForm(forms.Form):
    """A time, and somebody."""

    use_required_attribute = False

    def __init__(self, asked: Mapping[str, Any], *, chain: str, zone: ZoneInfo, people: Choices) -> None:
        super().__init__(asked)
        self.chain = chain
        self.fields["from"] = Moment("From", zone)
        self.fields["to"] = Moment("Until", zone, ends=True)
        self.fields["who"] = Choice("Person", "Everybody", people)

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or self.cleaned_data
        since, until = cleaned.get("from"), cleaned.get("to")
        if since and until and until <= since:
            self.add_error("to", "This is not after From.")
        return cleaned

    def in_words(self) -> list[tuple[str, str]]:
        """What is filled in, as a reader on paper needs it: the label of each field and what stands in it."""
        told = []
        for field in self:
            value = field.value()
            if value and isinstance(field.field, Choice):
                told.append((str(field.label), field.field.known.get(value, str(value))))
            elif value:
                told.append((str(field.label), str(value).replace("T", " ")))
        return told


class FilterForm(_TimeForm):
    """The filter of a tenant's log. `people` and `reasons` by their keys."""

    def __init__(self, asked: Mapping[str, Any], *, reasons: Choices, **kwargs: Any) -> None:
        super().__init__(asked, **kwargs)
        self.fields["what"] = Choice("What", "Everything", list(words.KINDS.items()))
        self.fields["outcome"] = Choice("Outcome", "Any", list(words.OUTCOMES.items()))
        self.fields["reason"] = Choice("Reason", "Any", reasons)
        self.fields["call"] = forms.CharField(label="Call id", required=False)
        self.fields["call"].widget.attrs |= {"autocomplete": "off", "spellcheck": "false"}

    def clean_call(self) -> str:
        call_id = str(self.cleaned_data["call"])
        if call_id and not _CALL_ID.fullmatch(call_id):
            raise ValidationError("This is no call id: one word of at most 100 plain letters, such as c-15ac29a2-…")
        return call_id

    def wish(self) -> Wish:
        """What is looked for. Only where the form is valid."""
        asked = self.cleaned_data
        return Wish(
            self.chain,
            since=asked["from"],
            until=asked["to"],
            actor=int(asked["who"]) if asked["who"] else None,
            call_id=asked["call"],
            kind=asked["what"],
            reason=asked["reason"],
            outcome=asked["outcome"],
        )


class SignInsForm(_TimeForm):
    """The filter of the sign-ins of the members in `people`, and of nobody else."""

    def __init__(self, asked: Mapping[str, Any], **kwargs: Any) -> None:
        super().__init__(asked, **kwargs)
        self.fields["what"] = Choice("What", "Everything", list(words.SIGN_INS.items()))
        self.members = frozenset(key for key, _ in kwargs["people"])

    def wish(self) -> Wish:
        """What is looked for. Only where the form is valid."""
        asked = self.cleaned_data
        verbs = frozenset({asked["what"]} if asked["what"] else words.SIGN_INS)
        return Wish(
            self.chain,
            since=asked["from"],
            until=asked["to"],
            verbs=verbs,
            subject=asked["who"],
            subjects=self.members,
        )
