"""The product: definitions, the pure core, the engine, and the one door for changes."""

from pathlib import Path

from django.apps import AppConfig


class WorkflowsConfig(AppConfig):
    name = "workflows"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Every command looks at the definitions first; failpoints strike from here on, where they were asked for."""
        from django.conf import settings

        from workflows import checks  # noqa: F401
        from workflows.engine import failpoints

        failpoints.arm(getattr(settings, "FAILPOINT", ""), Path(getattr(settings, "DATA_DIR", "var")))
