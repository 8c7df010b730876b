"""Every setting of a Watchkeeper process, read from the environment."""

from pathlib import Path

import environ

env = environ.Env()
BASE_DIR = Path(__file__).resolve().parent.parent
DATA_DIR = Path(env.str("DATA_DIR", "var")).absolute()
DEBUG = env.bool("DEBUG", False)
SECRET_KEY = env.str("SECRET_KEY", "insecure")
ALLOWED_HOSTS = env.list("ALLOWED_HOSTS", default=["localhost", "127.0.0.1"])
INSTALLED_APPS = [
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django_htmx",
    "channels",
    "rest_framework",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "workflows",
    "workflows.demo",
    "console",
]
DATABASES = {"default": env.db("DATABASE_URL", default="postgres:///watchkeeper")}
REDIS_URL = env.str("REDIS_URL", "redis://127.0.0.1:6379/0")
USE_TZ = True
TIME_ZONE = "UTC"
ROOT_URLCONF = "console.urls"
