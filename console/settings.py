"""Every setting of a Watchkeeper process, read from the environment; odd values are refused with their name."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from csp.constants import NONCE, NONE, SELF

from console.embedded.discovery import discover, is_demo
from console.environment import (
    LOOPBACK,
    address,
    base,
    choice,
    database,
    email,
    failpoint,
    hosts,
    modules,
    origins,
    pace,
    refuse,
    sender,
    switch,
    text,
    webhook_secrets,
    whole,
)
from workflows import telemetry

BASE_DIR = Path(__file__).resolve().parent.parent
DATA_DIR = Path(os.environ.get("DATA_DIR") or "var").absolute()
discover(DATA_DIR)

# --- what this installation is --------------------------------------------------------------------------------------
DEBUG = switch("DEBUG")
#: simulated dependencies, demo users and a trickle of orders are part of it
DEMO = switch("DEMO", default=is_demo(DATA_DIR))
PACE = pace("PACE", demo=DEMO)
CHAOS = switch("CHAOS")
FAILPOINT = failpoint("FAILPOINT", chaos=CHAOS)
CONSOLE_ENVIRONMENT = text("CONSOLE_ENVIRONMENT", "demo" if DEMO else "")
CONSOLE_APPS = modules("CONSOLE_APPS")
SIMULATORS_URL = address("SIMULATORS_URL", ("http", "https"), "http://127.0.0.1:8001").rstrip("/")

INSTALLED_APPS = [
    "console.administration.apps.OfficeConfig",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django_htmx",
    "csp",
    "channels",
    "rest_framework",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "breakers",
    "approvals",
    "workflows",
    *(["workflows.demo"] if DEMO else []),
    *CONSOLE_APPS,
    "console",
]

# --- who may talk to it ---------------------------------------------------------------------------------------------
ALLOWED_HOSTS = hosts("ALLOWED_HOSTS")
CSRF_TRUSTED_ORIGINS = origins("CSRF_TRUSTED_ORIGINS")
#: plain HTTP on this machine only; anything else is expected behind TLS
ON_LOOPBACK = all(host in LOOPBACK for host in ALLOWED_HOSTS)
if DEMO and not ON_LOOPBACK:
    raise refuse("ALLOWED_HOSTS", "the demo has public passwords and runs on loopback names only (or set DEMO=0).")

SECRET_KEY = text("SECRET_KEY", "")
if not SECRET_KEY and (DATA_DIR / "secret_key").is_file():
    SECRET_KEY = (DATA_DIR / "secret_key").read_text().strip()
if len(SECRET_KEY) < 32:
    raise refuse("SECRET_KEY", "is missing or shorter than 32 characters.")
METRICS_TOKEN = text("METRICS_TOKEN", "")
WEBHOOK_SECRETS = webhook_secrets("WEBHOOK_SECRETS")

SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = SECURE_SSL_REDIRECT = not ON_LOOPBACK
SECURE_REDIRECT_EXEMPT = [r"^healthz$", r"^readyz$", r"^metrics$"]
SECURE_HSTS_SECONDS = 0 if ON_LOOPBACK else 365 * 24 * 3600
SECURE_REFERRER_POLICY = "same-origin"
#: nobody stays signed in longer than this, nor for so long without doing anything (console.sessions)
SESSION_COOKIE_AGE = 3600 * whole("SESSION_HOURS", 1, 168, default=12)
SESSION_IDLE_MINUTES = whole("SESSION_IDLE_MINUTES", 5, 10_080, default=120)
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = CSRF_COOKIE_SAMESITE = "Lax"
SESSION_SERIALIZER = "django.contrib.sessions.serializers.JSONSerializer"
X_FRAME_OPTIONS = "DENY"
#: whether subdomains follow, and a browser preload list, is the domain owner's decision
SILENCED_SYSTEM_CHECKS = ["security.W005", "security.W021"]
if ON_LOOPBACK:
    # There is no TLS on loopback to redirect to or to demand for cookies.
    SILENCED_SYSTEM_CHECKS += ["security.W004", "security.W008", "security.W012", "security.W016"]

CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [NONE],
        "script-src": [SELF, NONCE],
        "style-src": [SELF, NONCE],
        "connect-src": [SELF],
        "img-src": [SELF, "data:"],
        "font-src": [SELF],
        "form-action": [SELF],
        "frame-ancestors": [NONE],
        "base-uri": [NONE],
    }
}

# --- truth and hints ------------------------------------------------------------------------------------------------
DATABASE_URL = address("DATABASE_URL", ("postgres", "postgresql"))
#: empty: treated like a Redis that is down
REDIS_URL = address("REDIS_URL", ("redis", "rediss", "unix"))
WORKFLOW_SUBSCRIBERS = ["console.live.publish.changed"]
IN_WEB = os.environ.get("WATCHKEEPER_PROCESS") == "web"

_session = "-c lock_timeout=10s -c statement_timeout=30s -c idle_in_transaction_session_timeout=30s"
_options: dict[str, Any] = {
    "connect_timeout": 5,
    "application_name": f"watchkeeper {os.environ.get('WATCHKEEPER_PROCESS', 'command')}",
    "target_session_attrs": "read-write",
    "keepalives_idle": 30,
    "server_side_binding": True,
    # psycopg throws away every prepared statement after a rollback (DEALLOCATE ALL), also those of `engine.wire`,
    # unless it prepares none itself.
    "prepare_threshold": None,
    "options": _session,
}
DATABASES: dict[str, dict[str, Any]] = {}
if DATABASE_URL:
    _database = database("DATABASE_URL", DATABASE_URL)
    # Threads of the web process share a pool; everything else keeps one connection per thread.
    _pool = {"pool": {"min_size": 1, "max_size": 20, "timeout": 5, "max_lifetime": 900}} if IN_WEB else {}
    DATABASES["default"] = {
        **_database,
        "OPTIONS": {**_options, **_pool, **_database["OPTIONS"]},
        "CONN_MAX_AGE": 0 if IN_WEB else None,
        "CONN_HEALTH_CHECKS": True,
    }

# --- Django ---------------------------------------------------------------------------------------------------------
ROOT_URLCONF = "console.urls"
ASGI_APPLICATION = "console.asgi.application"
MIDDLEWARE = [
    "console.correlation.middleware",
    "django.middleware.security.SecurityMiddleware",
    "console.static.StaticFiles",
    "csp.middleware.CSPMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "console.sessions.middleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "console.direction.middleware",
]
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
                "csp.context_processors.nonce",
            ],
        },
    }
]
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{name}"}
    for name in ("UserAttributeSimilarityValidator", "MinimumLengthValidator", "CommonPasswordValidator")
]
LOGIN_URL = "/signin/"
LOGIN_REDIRECT_URL = LOGOUT_REDIRECT_URL = "/"
LANGUAGE_CODE = "en-gb"
USE_TZ = True
TIME_ZONE = "UTC"
DATA_UPLOAD_MAX_MEMORY_SIZE = 2 * 1024 * 1024

STATIC_URL = "/static/"
#: where `collectstatic` puts copies for a web server in front; not needed otherwise
STATIC_ROOT = text("STATIC_ROOT", "") or None
STATICFILES_DIRS = [BASE_DIR / "static"]
#: served straight from the source folders: nothing to collect before a start
WHITENOISE_USE_FINDERS = True
WHITENOISE_ALLOW_ALL_ORIGINS = False

REST_FRAMEWORK = {
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_PARSER_CLASSES": ["rest_framework.parsers.JSONParser"],
    "DEFAULT_AUTHENTICATION_CLASSES": [
        "console.api.caller.BearerToken",
        "rest_framework.authentication.SessionAuthentication",
    ],
    "DEFAULT_CONTENT_NEGOTIATION_CLASS": "console.api.caller.AlwaysJson",
    "EXCEPTION_HANDLER": "console.api.problems.handle",
    "DEFAULT_PERMISSION_CLASSES": ["rest_framework.permissions.IsAuthenticated"],
    "DEFAULT_SCHEMA_CLASS": "drf_spectacular.openapi.AutoSchema",
}
SPECTACULAR_SETTINGS = {
    "OAS_VERSION": "3.1.1",
    "TITLE": "Watchkeeper",
    "DESCRIPTION": "Start workflows, see where they are and why, and act on them.",
    "VERSION": "1",
    "SCHEMA_PATH_PREFIX": "/api/v1",
    "SERVE_INCLUDE_SCHEMA": False,
    "SWAGGER_UI_DIST": "SIDECAR",
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
    "REDOC_DIST": "SIDECAR",
}

_email = email("EMAIL_URL", "consolemail://")
EMAIL_BACKEND = _email["EMAIL_BACKEND"]
EMAIL_HOST = _email.get("EMAIL_HOST") or "localhost"
EMAIL_PORT = _email.get("EMAIL_PORT") or 25
EMAIL_HOST_USER = _email.get("EMAIL_HOST_USER") or ""
EMAIL_HOST_PASSWORD = _email.get("EMAIL_HOST_PASSWORD") or ""
EMAIL_USE_TLS = bool(_email.get("EMAIL_USE_TLS"))
EMAIL_USE_SSL = bool(_email.get("EMAIL_USE_SSL"))
EMAIL_TIMEOUT = 10
DEFAULT_FROM_EMAIL = SERVER_EMAIL = sender("EMAIL_FROM", "Watchkeeper <watchkeeper@localhost>")
#: where links in mails lead; without it nobody is told of questions by mail
CONSOLE_URL = base("CONSOLE_URL")
WORKFLOW_LETTER = "console.letters.decision"

# --- telemetry ------------------------------------------------------------------------------------------------------
LOG_LEVEL = choice("LOG_LEVEL", ("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"), "INFO")
LOG_FORMAT = choice("LOG_FORMAT", ("json", "text"), "json")
LOGGING = telemetry.configure(LOG_LEVEL, LOG_FORMAT)
