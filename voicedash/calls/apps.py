"""Makes calls a Django application."""

from django.apps import AppConfig


class CallsConfig(AppConfig):
    name = "voicedash.calls"
