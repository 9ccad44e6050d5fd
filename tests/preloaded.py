"""What every process of voicedash imports before it reads a setting: loaded once, for those that tests start by forking."""

import concurrent.futures  # noqa: F401
import logging.config  # noqa: F401
import sqlite3  # noqa: F401

import a2wsgi  # noqa: F401
import cryptography.fernet  # noqa: F401
import dj_database_url  # noqa: F401
import django.contrib.messages.storage.fallback
import django.contrib.staticfiles.storage
import django.core.handlers.asgi
import django.core.handlers.wsgi
import django.core.mail
import django.core.management
import django.core.paginator
import django.core.serializers.json
import django.db.migrations.autodetector
import django.db.migrations.executor
import django.db.models.functions
import django.forms
import django.template.defaulttags
import django.views.generic  # noqa: F401
import phonenumbers  # noqa: F401
import psycopg_pool  # noqa: F401
import requests  # noqa: F401
import uvicorn.lifespan.on
import uvicorn.main
import uvicorn.protocols.http.h11_impl  # noqa: F401
import whitenoise.middleware  # noqa: F401
