"""Makes the worker a Django application."""

from django.apps import AppConfig


class WorkerConfig(AppConfig):
    name = "voicedash.worker"
