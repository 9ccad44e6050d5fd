"""Names the app for Django, and brings its checks."""

from django.apps import AppConfig

from voicedash.tenants import checks

__all__ = ["TenantsConfig", "checks"]


class TenantsConfig(AppConfig):
    name = "voicedash.tenants"
    verbose_name = "People and accounts"
