"""The entrances: pages, REST API, live updates, commands."""

from importlib.util import find_spec

from django.apps import AppConfig


class ConsoleConfig(AppConfig):
    name = "console"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Every process can hand out wake-ups, and logs the same way."""
        from console import celery  # noqa: F401

        if find_spec("workflows.telemetry"):
            from workflows import telemetry

            telemetry.configure()
