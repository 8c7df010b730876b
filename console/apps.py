"""The entrances: pages, REST API, live updates, commands."""

from django.apps import AppConfig


class ConsoleConfig(AppConfig):
    name = "console"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Every process can hand out wake-ups."""
        from console import celery  # noqa: F401
