"""Rows and parts of a board as HTML without a request: for the streams, by the same templates as the page's."""

from collections.abc import Iterator
from contextlib import contextmanager
from zoneinfo import ZoneInfo

from django.template.loader import get_template
from django.urls import reverse
from django.utils import timezone

from voicedash.calls.board import BoardView


def prepare() -> None:
    """Loads what drawing needs, addresses and templates: the first to be drawn for would wait a second for it."""
    for name in (
        "calls/_row.html",
        "calls/_counts.html",
        "calls/_accounts.html",
        "calls/_bulks.html",
        "calls/_incidents.html",
    ):
        get_template(name)
    reverse("board", args=["any"])


def rows(board: BoardView, *, can_press: bool) -> list[str]:
    """Each row of `board`, for those who may press or for those who may not; in the tenant's time."""
    template = get_template("calls/_row.html")
    context = {"tenant": board.tenant, "can_press": can_press}
    with _time_of(board):
        return [template.render(context | {"row": row}) for row in board.rows]


def counts(board: BoardView) -> str:
    return get_template("calls/_counts.html").render({"board": board})


def bulks(board: BoardView, *, can_press: bool) -> str:
    context = {"tenant": board.tenant, "can_press": can_press, "board": board}
    return get_template("calls/_bulks.html").render(context)


def incidents(board: BoardView) -> str:
    with _time_of(board):
        return get_template("calls/_incidents.html").render({"tenant": board.tenant, "board": board})


def accounts(board: BoardView, *, can_press: bool) -> str:
    context = {"tenant": board.tenant, "can_press": can_press, "board": board}
    with _time_of(board):
        return get_template("calls/_accounts.html").render(context)


@contextmanager
def _time_of(board: BoardView) -> Iterator[None]:
    with timezone.override(ZoneInfo(board.tenant.time_zone)):
        yield
