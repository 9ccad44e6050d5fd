"""Names the app for Django."""

from django.apps import AppConfig


class AuditConfig(AppConfig):
    name = "voicedash.audit"
    verbose_name = "Log"
