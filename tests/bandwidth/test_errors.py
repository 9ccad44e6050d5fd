"""Refused, never reached and unknown are never one branch, and the drawing of the tree is the tree."""

import inspect
import re

import pytest

from voicedash.bandwidth import errors
from voicedash.bandwidth.errors import (
    BadCredentials,
    BandwidthError,
    NeverReached,
    OutcomeUnknown,
    RateLimited,
    Refused,
    TokenRefused,
    UnknownCall,
)

KINDS = [kind for _, kind in inspect.getmembers(errors, inspect.isclass)]


def drawn() -> dict[str, str]:
    """Every class in the drawing and the one it hangs from."""
    parents: dict[str, str] = {}
    path: list[str] = []
    for line in (errors.__doc__ or "").splitlines():
        found = re.match(r"(?P<branch>(?:│   |    )*(?:├── |└── )?)(?P<name>[A-Z]\w+)(?:$| )", line)
        if found and hasattr(errors, found["name"]):
            depth = len(found["branch"]) // 4
            path[depth:] = [found["name"]]
            if depth:
                parents[found["name"]] = path[depth - 1]
    return parents


def test_the_drawing_at_the_top_shows_the_tree_as_it_is() -> None:
    real = {kind.__name__: kind.__bases__[0].__name__ for kind in KINDS if kind is not BandwidthError}
    assert drawn() == real


@pytest.mark.parametrize("kind", KINDS)
def test_no_error_stands_on_two_of_the_three_branches(kind: type[BandwidthError]) -> None:
    branches = [branch for branch in (Refused, NeverReached, OutcomeUnknown) if issubclass(kind, branch)]
    assert len(branches) == (0 if kind is BandwidthError else 1)


def test_a_refusal_is_told_apart_by_what_can_be_done_about_it() -> None:
    assert issubclass(TokenRefused, BadCredentials)
    assert {kind for kind in KINDS if issubclass(kind, Refused)} == {
        Refused,
        BadCredentials,
        TokenRefused,
        UnknownCall,
        RateLimited,
    }


def test_an_error_keeps_status_and_reference_and_speaks_its_own_words() -> None:
    error = RateLimited("Bandwidth answered 429: slow down", retry_after=2.5, reference="abc-1")
    assert (str(error), error.status, error.reference, error.retry_after) == (
        "Bandwidth answered 429: slow down",
        429,
        "abc-1",
        2.5,
    )
    bare = NeverReached("not sent")
    assert (bare.status, bare.reference) == (None, "")
