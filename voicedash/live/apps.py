"""Makes live a Django application, whose rows are about callbacks."""

from django.apps import AppConfig


class LiveConfig(AppConfig):
    name = "voicedash.live"
    verbose_name = "Callbacks"
