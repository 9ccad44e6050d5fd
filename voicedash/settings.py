"""The one settings file: from the environment only, runs with none, fails loudly on a bad value."""

import os
import secrets
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import dj_database_url
from cryptography.fernet import Fernet

from voicedash.environment import Environment, interval
from voicedash.logs import configuration

BASE_DIR = Path(__file__).resolve().parent.parent
_env_file = os.environ.get("VOICEDASH_ENV_FILE", str(BASE_DIR / ".env"))
env = Environment.load(Path(_env_file) if _env_file else None)

DEBUG = env.flag("DEBUG")
DEMO = env.flag("VOICEDASH_DEMO")  # set by the demo only: cookies of its own, a word in the header
DATA_DIR = Path(env.text("VOICEDASH_DATA", str(BASE_DIR / "var"))).resolve()

SECRET_KEY = env.secret("SECRET_KEY", lambda: secrets.token_urlsafe(50), DATA_DIR)


def _of_file(name: str) -> str:
    file = env.file_of(name, DATA_DIR)
    return f" (in {file})" if file else ""


def _keys(name: str, text: str) -> list[str]:
    keys = text.replace(",", " ").split()
    if not keys:
        env.errors.append(f"{name} holds no key{_of_file(name)}")
    return keys


def _fernet_keys(text: str) -> list[str]:
    keys = _keys("VOICEDASH_KEYS", text)
    for key in keys:
        try:
            Fernet(key)
        except ValueError:
            env.errors.append(
                f"VOICEDASH_KEYS: a key is not 32 url-safe base64-encoded bytes{_of_file('VOICEDASH_KEYS')}"
            )
    return keys


SEALING_KEYS_FILE = env.file_of("VOICEDASH_KEYS", DATA_DIR)  # read again by tenants.keys when it changes
SEALING_KEYS = _fernet_keys(env.secret("VOICEDASH_KEYS", lambda: Fernet.generate_key().decode(), DATA_DIR))
LOG_KEYS = _keys("VOICEDASH_LOG_KEYS", env.secret("VOICEDASH_LOG_KEYS", lambda: secrets.token_urlsafe(32), DATA_DIR))
LOG_HEADS = Path(env.text("VOICEDASH_LOG_HEADS", str(DATA_DIR / "log-heads"))).resolve()

# --- The address people use: hosts, origins and cookies follow from it -----------------------

_LOOPBACK = ["localhost", "127.0.0.1", "[::1]"]


def _public_url(text: str) -> str:
    if not text:
        return ""
    parts = urlsplit(text)
    if parts.scheme not in {"http", "https"} or not parts.hostname or parts.path not in {"", "/"}:
        raise ValueError(f"{text!r} is not an address like https://calls.example.com")
    return f"{parts.scheme}://{parts.netloc}"


PUBLIC_URL = env.parsed("VOICEDASH_URL", "", _public_url)
_public = urlsplit(PUBLIC_URL)
HTTPS = _public.scheme == "https"
if (
    PUBLIC_URL
    and not HTTPS
    and f"[{_public.hostname}]" not in _LOOPBACK
    and _public.hostname not in _LOOPBACK
    and not env.flag("VOICEDASH_ALLOW_HTTP")
):
    env.errors.append(
        f"VOICEDASH_URL={PUBLIC_URL}: passwords would travel in the clear. Use https, "
        "or set VOICEDASH_ALLOW_HTTP=1 where something else protects the way"
    )
ALLOWED_HOSTS = _LOOPBACK + ([_public.hostname] if _public.hostname else []) + env.words("ALLOWED_HOSTS")
CSRF_TRUSTED_ORIGINS = [PUBLIC_URL] if PUBLIC_URL else []
SECURE_SSL_REDIRECT = False  # the proxy in front redirects; a health check inside speaks plain http
SECURE_HSTS_SECONDS = 31_536_000 if HTTPS else 0
# Of the customer's other hosts, and of browsers' built-in lists, only the customer decides.
SECURE_HSTS_INCLUDE_SUBDOMAINS = SECURE_HSTS_PRELOAD = False
# What a deployment may accept knowingly, and the warning of `check --deploy` that is silent then.
RISKS = {"no-second-factor": "voicedash.W001", "no-idle-timeout": "voicedash.W002"}


def _accepted(text: str) -> list[str]:
    words = text.replace(",", " ").split()
    if unknown := sorted(set(words) - set(RISKS)):
        raise ValueError(f"{' '.join(unknown)}: not one of {', '.join(RISKS)}")
    return [RISKS[word] for word in words]


# Decided above: subdomains and preloading, and that the proxy redirects.
SILENCED_SYSTEM_CHECKS = ["security.W005", "security.W008", "security.W021"]
SILENCED_SYSTEM_CHECKS += env.parsed("VOICEDASH_ACCEPTED_RISKS", "", _accepted)
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = HTTPS
_prefix = ("__Host-" if HTTPS else "") + ("voicedash_demo" if DEMO else "voicedash")
SESSION_COOKIE_NAME = f"{_prefix}_session"
CSRF_COOKIE_NAME = f"{_prefix}_csrf"
SESSION_ENGINE = "voicedash.tenants.sessions"
SESSION_COOKIE_AGE = 12 * 3600  # a working day and its overtime; the idle time-out has an issue of its own
SESSION_EXPIRE_AT_BROWSER_CLOSE = True
X_FRAME_OPTIONS = "DENY"
SECURE_REFERRER_POLICY = "same-origin"
# Django 6 reads this name; until then tenants.middleware sends it.
SECURE_CSP = {
    "default-src": "'none'",
    "script-src": "'self'",
    "style-src": "'self'",
    "img-src": "'self' data:",
    "connect-src": "'self'",
    "font-src": "'self'",
    "form-action": "'self'",
    "frame-ancestors": "'none'",
    "base-uri": "'none'",
}

# --- Bandwidth --------------------------------------------------------------------------------


def _service_url(text: str) -> str:
    parts = urlsplit(text)
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise ValueError(f"{text!r} is not an http(s) address")
    return text.rstrip("/")


VOICE_URL = env.parsed("VOICEDASH_VOICE_URL", "https://voice.bandwidth.com/api/v2", _service_url)
TOKEN_URL = env.parsed("VOICEDASH_TOKEN_URL", "https://api.bandwidth.com/api/v1/oauth2/token", _service_url)
SYNC_SECONDS = env.parsed("VOICEDASH_SYNC_SECONDS", "5", interval)  # 0: never

# --- Database: SQLite by default, PostgreSQL by DATABASE_URL ----------------------------------


def _database(url: str) -> dict[str, Any]:
    database: dict[str, Any] = dict(dj_database_url.parse(url))
    options = database.setdefault("OPTIONS", {})
    if database["ENGINE"].endswith("sqlite3"):
        database["CONN_MAX_AGE"] = 600
        # IMMEDIATE takes the writer's lock first, so no transaction fails half way; FULL because
        # an acknowledged pause must survive a power cut.
        options |= {
            "timeout": 2,
            "transaction_mode": "IMMEDIATE",
            "init_command": (
                "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA mmap_size=134217728; PRAGMA cache_size=-2000;"
            ),
        }
    elif database["ENGINE"].endswith("postgresql"):
        database["ENGINE"] = "voicedash.postgresql"
        database["CONN_MAX_AGE"] = 0  # a pool refuses persistent connections
        most = options.pop("max_size", 24)
        if not isinstance(most, int) or not 2 <= most <= 200:
            raise ValueError(f"max_size={most}: a process takes from 2 to 200 connections")
        # After an outage nothing waits for the pool's next try, later with every one: who needs a connection makes it.
        options["pool"] = {"min_size": 1, "max_size": most, "timeout": 2, "reconnect_timeout": 1}
        options.setdefault("application_name", "voicedash")  # whose sessions these are, in pg_stat_activity
        options |= {"connect_timeout": 2, "tcp_user_timeout": 5000}  # a network that is silent must not hold a press
        # Values in the text of a statement would have each planned anew: a fifth of what a press took.
        options |= {"server_side_binding": True, "prepare_threshold": 2}
        # A process that is stopped in a transaction holds the tenant's lock: the server ends its session.
        limits = {"lock_timeout": 2000, "statement_timeout": 30000, "idle_in_transaction_session_timeout": 5000}
        told = [f"-c {name}={milliseconds}" for name, milliseconds in limits.items()]
        options["options"] = " ".join([str(options.get("options", "")), *told]).strip()
    else:
        raise ValueError("only sqlite:// and postgres:// are supported")
    return database


def _databases(url: str) -> dict[str, dict[str, Any]]:
    default = _database(url)
    # A second way to the same database for reads that must see one moment: under IMMEDIATE
    # every SQLite transaction, a reading one too, would take the writer's lock.
    snapshot = {**default, "OPTIONS": dict(default["OPTIONS"]), "TEST": {"MIRROR": "default"}}
    if default["ENGINE"].endswith("sqlite3"):
        snapshot["OPTIONS"]["transaction_mode"] = "DEFERRED"
    return {"default": default, "snapshot": snapshot}


DATABASES = env.parsed("DATABASE_URL", f"sqlite:///{DATA_DIR / 'db.sqlite3'}", _databases)
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
CACHES = {
    "default": {  # sign-in limits must hold across processes and restarts
        "BACKEND": "django.core.cache.backends.db.DatabaseCache",
        "LOCATION": "cache",
        "OPTIONS": {"MAX_ENTRIES": 100_000},
    }
}

# --- The application --------------------------------------------------------------------------

INSTALLED_APPS = [
    "voicedash.tenants",
    "voicedash.audit",
    "voicedash.calls",
    "voicedash.live",
    "voicedash.worker",
    "allauth",
    "allauth.account",
    "allauth.mfa",
    "django_htmx",
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
]
MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "voicedash.tenants.middleware.HeadersMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "voicedash.tenants.middleware.UserMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "allauth.account.middleware.AccountMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "voicedash.tenants.middleware.SignedInMiddleware",
    "voicedash.tenants.middleware.TenantMiddleware",
]
ROOT_URLCONF = "voicedash.urls"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "voicedash.tenants.context.site",
            ],
        },
    }
]
LANGUAGE_CODE = "en"
USE_I18N = False
TIME_ZONE = "UTC"
USE_TZ = True

STATIC_URL = "/static/"
STATIC_ROOT = Path(env.text("VOICEDASH_STATIC", str(DATA_DIR / "static")))
STATICFILES_DIRS = [BASE_DIR / "static"]
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "whitenoise.storage.CompressedManifestStaticFilesStorage"},
}

# --- People -----------------------------------------------------------------------------------

AUTH_USER_MODEL = "tenants.User"
AUTHENTICATION_BACKENDS = ["allauth.account.auth_backends.AuthenticationBackend"]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 12}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
]
LOGIN_URL = "account_login"
LOGIN_REDIRECT_URL = "/"
ACCOUNT_ADAPTER = "voicedash.tenants.signing_in.Adapter"
ACCOUNT_LOGIN_METHODS = {"username"}
ACCOUNT_SIGNUP_FIELDS = ["username*", "password1*", "password2*"]
ACCOUNT_EMAIL_VERIFICATION = "none"
ACCOUNT_PREVENT_ENUMERATION = True
ACCOUNT_SESSION_REMEMBER = False
ACCOUNT_LOGOUT_REDIRECT_URL = "/accounts/login/"
# Sixty seats share one address. The lock of an account is tenants.signing_in's: allauth's own slides.
ACCOUNT_RATE_LIMITS = {"login": "1000/m/ip", "login_failed": "200/m/ip"}

# --- Logs: lines with the request they belong to, and without a secret -------------------------

LOGGING = configuration.make(
    env.parsed("VOICEDASH_LOG", "json", configuration.parse_form),
    secrets=[SECRET_KEY, *SEALING_KEYS, *LOG_KEYS, str(DATABASES["default"].get("PASSWORD") or "")],
)

env.complain()
