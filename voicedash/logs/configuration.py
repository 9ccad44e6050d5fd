"""What of the process's log is written, and how: for the settings."""

from typing import Any

FORMS = ("json", "plain")


def parse_form(text: str) -> str:
    """The form that VOICEDASH_LOG asks for. Raises ValueError."""
    if text not in FORMS:
        raise ValueError(f"{text!r}: expected {' or '.join(FORMS)}")
    return text


def make(form: str, *, secrets: list[str]) -> dict[str, Any]:
    """Django's LOGGING. Every line goes to standard error, in `form`, with `secrets` blotted out."""
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {
            "json": {"()": "voicedash.logs.lines.Json", "secrets": secrets},
            "plain": {"()": "voicedash.logs.lines.Plain", "secrets": secrets},
        },
        "handlers": {"console": {"class": "logging.StreamHandler", "formatter": form}},
        "root": {"handlers": ["console"], "level": "WARNING"},
        "loggers": {
            "voicedash": {"level": "INFO"},
            "django": {"handlers": [], "level": "WARNING"},  # its own handlers know no mask
            "django.request": {"level": "ERROR"},
            "django.security.DisallowedHost": {"level": "CRITICAL"},  # any scanner would fill the log
        },
    }
