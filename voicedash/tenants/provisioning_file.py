"""Reads a provisioning file and finds everything that is wrong with it before anything is changed."""

import os
import tomllib
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.db.models import Model

from voicedash.tenants import addresses, lines
from voicedash.tenants.lines import Wish
from voicedash.tenants.models import BandwidthAccount, Line, Membership, Reason, Tenant, User
from voicedash.tenants.provisioning_plan import (
    Account,
    Person,
    Plan,
    PlannedReason,
    PlannedTenant,
    ProvisioningError,
)
from voicedash.tenants.toml_lines import Place, places

Types = dict[str, type]

_TYPES: dict[type, str] = {
    str: "a text in quotes",
    int: "a whole number",
    bool: "true or false",
    list: "tables like [[{}]]",
}
_DAYS = ["keep_numbers_days", "keep_calls_days"]
_SECRET: Types = dict.fromkeys(["secret", "secret_env", "secret_file"], str)
_PERSON: Types = dict.fromkeys(["username", "name", "email", "password", "password_env", "password_file"], str)
# What may stand in each kind of table. Values are judged by the model's own field of the same name.
_KEYS: dict[str, tuple[type[Model], Types, set[str]]] = {
    "tenant": (
        Tenant,
        {"slug": str, "name": str, "time_zone": str}
        | dict.fromkeys(_DAYS, int)
        | {"account": list, "member": list, "reason": list, "line": list},
        {"slug", "name"},
    ),
    "account": (
        BandwidthAccount,
        {"account_id": str, "auth": str, "client_id": str, "records": str} | _SECRET,
        {"account_id", "client_id"},
    ),
    "member": (Membership, _PERSON | {"role": str}, {"username", "role"}),
    "reason": (Reason, {"name": str, "lease": int, "default": bool, "prolong": int, "note": bool}, {"name"}),
    "line": (Line, {"address": str, "name": str, "team": str}, {"address", "name"}),
    "admin": (User, _PERSON, {"username"}),
}
_FILE: Types = {"tenant": list, "admin": list}


def read(text: str, *, folder: Path, known: set[str], adopted: frozenset[str]) -> Plan:
    """What the file asks for. Raises ProvisioningError with every fault at once.

    `folder` is what relative `…_file` paths start from; `known` the usernames that exist, in
    small letters: their passwords are not needed, and looked up only of those in `adopted`.
    """
    try:
        content = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        what, _, where = str(error).partition(" (at ")
        raise ProvisioningError([f"{where.rstrip(')').split(',')[0] or 'the file'}: {what}"]) from None
    reader = _Reader(places(text), folder, known, adopted)
    plan = reader.plan(content)
    if reader.problems:
        raise ProvisioningError([said for _, said in sorted(reader.problems)])
    return plan


@dataclass
class _Table:
    kind: str
    path: Place
    values: dict[str, Any]


class _Reader:
    def __init__(self, places: dict[Place, int], folder: Path, known: set[str], adopted: frozenset[str]) -> None:
        self.places, self.folder, self.known, self.adopted = places, folder, known, adopted
        self.problems: list[tuple[int, str]] = []
        self.passwords: dict[str, str] = {}
        self.new: dict[str, tuple[Place, str]] = {}
        self.told: dict[tuple[str, str], str] = {}

    def plan(self, content: dict[str, Any]) -> Plan:
        top = _Table("", (), content)
        self._unknown_keys(top, _FILE)
        tenants, admins = self._tables(top, "tenant"), self._tables(top, "admin")
        self._once(tenants, "slug")
        self._once(admins, "username")
        plan = Plan(
            [self._tenant(table) for table in tenants], [self._person(table) for table in admins], self.passwords
        )
        for key, (path, username) in self.new.items():
            if key not in self.passwords:
                self._say(path, "password", f"{username} is new and needs one: password_env, password_file or password")
        return plan

    def _tenant(self, table: _Table) -> PlannedTenant:
        value = table.values.get
        accounts, members, reasons = (self._tables(table, kind) for kind in ("account", "member", "reason"))
        self._once(accounts, "account_id")
        self._once(members, "username")
        self._once(reasons, "name")
        for extra in [reason for reason in reasons if reason.values.get("default") is True][1:]:
            self._say(extra.path, "default", "another reason of this tenant is the usual one already")
        return PlannedTenant(
            slug=str(value("slug", "")),
            name=str(value("name", "")),
            time_zone=str(value("time_zone", "UTC")),
            days={name: table.values[name] for name in _DAYS if name in table.values},
            line=self._line(table.path),
            accounts=[self._account(account) for account in accounts],
            members=[(self._person(member), str(member.values.get("role", ""))) for member in members],
            reasons=[
                PlannedReason(
                    name=str(reason.values.get("name", "")),
                    lease=reason.values.get("lease"),
                    prolong=reason.values.get("prolong", 3),
                    note=reason.values.get("note", False),
                    default=reason.values.get("default", False),
                )
                for reason in reasons
            ],
            lines=self._lines(table),
        )

    def _lines(self, table: _Table) -> list[Wish]:
        """The lines of a tenant: by their addresses, of which a person may write one in several ways."""
        found: dict[str, Wish] = {}
        for line in self._tables(table, "line"):
            name, team = (lines.plain(str(line.values.get(key, ""))) for key in ("name", "team"))
            if line.values.get("name") and not name:
                self._say(line.path, "name", "is empty")
            for key, text in (("name", name), ("team", team)):
                if not lines.is_seen(text):
                    self._say(line.path, key, "has nothing in it that can be seen")
            try:
                address = addresses.normal(str(line.values.get("address", "")))
            except ValueError as error:
                if line.values.get("address"):
                    self._say(line.path, "address", f"{line.values['address']!r}: {error}")
                continue
            if address in found:
                self._say(line.path, "address", f"{line.values['address']!r} stands here a second time")
            found[address] = Wish(self._line(line.path), address, name, team if "team" in line.values else None)
        return list(found.values())

    def _account(self, table: _Table) -> Account:
        value = table.values.get
        secret = self._secret(table, "secret")
        if secret is None and not any(key in table.values for key in _SECRET):
            self._say(table.path, "secret", "missing: give secret_env, secret_file or secret")
        auth, records = value("auth", BandwidthAccount.Auth.OAUTH2.value), value("records", "unknown")
        return Account(
            str(value("account_id", "")), str(value("client_id", "")), str(auth), str(records), secret=secret or ""
        )

    def _person(self, table: _Table) -> Person:
        username = str(table.values.get("username", ""))
        key = username.lower()
        for name in ("name", "email"):
            value = table.values.get(name)
            if value is not None and self.told.setdefault((key, name), value) != value:
                self._say(table.path, name, f"{username} has another {name} further up")
        if key and key not in self.known:
            self.new.setdefault(key, (table.path, username))
        if key and (key not in self.known or key in self.adopted):
            given = next((k for k in table.values if k.startswith("password")), None)
            if given and not self.passwords.get(key):
                self.passwords[key] = self._secret(table, "password") or ""  # "": what is wrong has been told
                self._judge(table, given, self.passwords[key])
        line = self._line((*table.path, "username"))
        return Person(username, table.values.get("name"), table.values.get("email"), line)

    def _judge(self, table: _Table, key: str, password: str) -> None:
        user = User(username=str(table.values.get("username", "")), email=str(table.values.get("email", "")))
        try:
            if password:
                validate_password(password, user)
        except ValidationError as error:
            self._say(table.path, key, " ".join(error.messages))

    def _secret(self, table: _Table, name: str) -> str | None:
        """The value of `name`, `name_env` or `name_file`; None where there is none, or it cannot be had."""
        given = [key for key in (name, f"{name}_env", f"{name}_file") if isinstance(table.values.get(key), str)]
        if len(given) > 1:
            self._say(table.path, given[1], f"{' and '.join(given)} stand side by side: keep one")
            return None
        if not given:
            return None
        [key], told = given, table.values[given[0]]
        value: str | None = told
        # What stands here may be the secret itself, by mistake: it is told again only where it can hardly be one.
        if key.endswith("_env"):
            value = os.environ.get(told)
            if not value:
                self._say(table.path, key, f"the environment has no {told if told.isupper() else 'such name'}")
        elif key.endswith("_file"):
            try:  # -sig: a mark that some editors put in front is no part of the secret
                value = (self.folder / told).read_text("utf-8-sig").rstrip("\r\n")
            except (OSError, ValueError) as error:
                where = told if told.startswith("/") else f"it in {self.folder.resolve()}"
                why = getattr(error, "strerror", None) or "not text"
                self._say(table.path, key, f"cannot read {where} ({why})")
                return None
        if value == "" and not key.endswith("_env"):
            self._say(table.path, key, "is empty")
        return value or None

    def _tables(self, table: _Table, kind: str) -> list[_Table]:
        """The tables `[[kind]]` of a table, each checked key by key."""
        listed = table.values.get(kind, [])
        if not isinstance(listed, list) or not all(isinstance(values, dict) for values in listed):
            return []  # told as a wrong type
        found = [_Table(kind, (*table.path, kind, number), values) for number, values in enumerate(listed)]
        for one in found:
            self._check(one)
        return found

    def _check(self, table: _Table) -> None:
        model, keys, required = _KEYS[table.kind]
        self._unknown_keys(table, keys)
        for key in sorted(required - set(table.values)):
            self._say(table.path, key, "missing")
        for key, value in table.values.items():
            if key not in keys or self._mistyped(table, key, value, keys[key]):
                continue
            owner = User if key in {"username", "name", "email"} and table.kind == "member" else model
            if keys[key] is list or key.partition("_")[0] in {"secret", "password"}:
                continue
            column: Any = owner._meta.get_field(key)
            try:
                if key == "lease" and value < 1:
                    raise ValidationError("expected at least 1 second; leave it out for no end.")
                column.clean(value, None)
            except ValidationError as error:
                choices = [name for name, _ in column.choices or []]
                said = f"expected one of {', '.join(choices)}" if choices else " ".join(error.messages)
                self._say(table.path, key, f"{value!r}: {said}")

    def _unknown_keys(self, table: _Table, keys: Types) -> None:
        for key, value in table.values.items():
            if key in keys:
                if table.kind == "":
                    self._mistyped(table, key, value, keys[key])
                continue
            near = get_close_matches(key, keys, n=1, cutoff=0.5)
            self._say(table.path, key, "unknown key" + (f"; did you mean {near[0]}?" if near else ""))

    def _mistyped(self, table: _Table, key: str, value: Any, expected: type) -> bool:
        right = type(value) is expected  # True is no number
        if expected is list and right:
            right = all(isinstance(one, dict) for one in value)
        if not right:
            self._say(
                table.path, key, f"expected {_TYPES[expected]}".format(".".join([*filter(None, [table.kind]), key]))
            )
        return not right

    def _once(self, tables: list[_Table], key: str) -> None:
        seen: set[str] = set()
        for table in tables:
            value = str(table.values.get(key, "")).lower()
            if value and value in seen:
                self._say(table.path, key, f"{table.values[key]!r} stands here a second time")
            seen.add(value)

    def _line(self, path: Place) -> int:
        while path and path not in self.places:
            path = path[:-1]
        return self.places.get(path, 1)

    def _say(self, path: Place, key: str, text: str) -> None:
        line = self._line((*path, key))
        self.problems.append((line, f"line {line}, {key}: {text}"))
