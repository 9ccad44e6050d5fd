"""Names the app for Django."""

from django.apps import AppConfig


class TenantsConfig(AppConfig):
    name = "voicedash.tenants"
    verbose_name = "People and accounts"
