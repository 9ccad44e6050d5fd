"""Makes calls a Django application, which hears of it when a tenant's lines change."""

from django.apps import AppConfig
from django.utils.module_loading import autodiscover_modules


class CallsConfig(AppConfig):
    name = "voicedash.calls"

    def ready(self) -> None:
        autodiscover_modules("naming", "incidents.told")  # they know models, which are there only now
