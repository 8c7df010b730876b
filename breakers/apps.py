"""The circuit breakers' place among the installed apps."""

from django.apps import AppConfig


class BreakersConfig(AppConfig):
    """Breakers of dependencies: a leaf that knows nothing of workflows."""

    name = "breakers"
    default_auto_field = "django.db.models.BigAutoField"
