"""What a provisioning file asks for, once it has been read and found to be right."""

from dataclasses import dataclass, field

from voicedash.tenants.lines import Wish


class ProvisioningError(Exception):
    """Nothing was changed; `problems` names each fault with its line and key."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = problems


@dataclass(frozen=True)
class Account:
    account_id: str
    client_id: str
    auth: str
    records: str
    secret: str = field(repr=False)


@dataclass(frozen=True)
class Person:
    """A user to be; what is None is left as it is."""

    username: str
    name: str | None
    email: str | None
    line: int  # where the file names them


@dataclass(frozen=True)
class PlannedReason:
    name: str
    lease: int | None
    prolong: int
    note: bool
    default: bool


@dataclass(frozen=True)
class PlannedTenant:
    slug: str
    name: str
    time_zone: str
    days: dict[str, int]  # for how long it keeps what, by column; what the file does not say stays as it is
    line: int
    accounts: list[Account]
    members: list[tuple[Person, str]]
    reasons: list[PlannedReason]
    lines: list[Wish]


@dataclass(frozen=True)
class Plan:
    tenants: list[PlannedTenant]
    admins: list[Person]
    passwords: dict[str, str] = field(repr=False)  # of those who are new or adopted, by username in small letters
