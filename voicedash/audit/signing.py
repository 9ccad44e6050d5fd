"""Which key signed what: the one place that uses the keys of the log."""

import hashlib
import hmac
import json
from functools import cache
from typing import Any

from django.conf import settings


@cache
def fingerprint(key: str) -> str:
    """What is kept beside a signature, to find its key again."""
    return hashlib.sha256(key.encode()).hexdigest()[:8]


def key() -> str:
    """The key that signs: the first one of VOICEDASH_LOG_KEYS."""
    return str(settings.LOG_KEYS[0])


def keys() -> dict[str, str]:
    """Every key that verifies, by its fingerprint."""
    return {fingerprint(key): key for key in settings.LOG_KEYS}


def sign(told: list[Any], key: str) -> str:
    """The signature of plain JSON values. Raises ValueError and TypeError where they are none."""
    return hmac.digest(key.encode(), _dumps(told).encode(), "sha256").hex()


def holds(signature: str, told: list[Any], key: str) -> bool:
    """Whether that is their signature; False also for values that nobody can have signed."""
    try:
        return hmac.compare_digest(signature.encode(), sign(told, key).encode())
    except (AttributeError, TypeError, ValueError, RecursionError):
        return False


_dumps = json.JSONEncoder(sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False).encode
