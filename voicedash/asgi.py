"""The entry point for an ASGI server; `manage.py serve` builds the same application itself."""

import os

from django.core.wsgi import get_wsgi_application

from voicedash.live.application import Application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "voicedash.settings")
application = Application(get_wsgi_application())
