"""Names the app for Django, and brings its checks."""

from django.apps import AppConfig
from django.utils.module_loading import autodiscover_modules

from voicedash.tenants import checks

__all__ = ["TenantsConfig", "checks"]


class TenantsConfig(AppConfig):
    name = "voicedash.tenants"
    verbose_name = "People and accounts"

    def ready(self) -> None:
        autodiscover_modules("key_checks")  # they know models, which are there only now
