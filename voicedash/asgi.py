"""The entry point for an ASGI server; `manage.py serve` builds the same application itself."""

import os

from django.core.wsgi import get_wsgi_application

from voicedash.live.application import Application
from voicedash.live.tracing import Traced

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "voicedash.settings")
# That server's own settings say which proxies are believed; of a request's name nobody is.
application = Traced(Application(get_wsgi_application()), trusted="")
