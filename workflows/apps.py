"""The product: definitions, the pure core, the engine, and the one door for changes."""

from django.apps import AppConfig


class WorkflowsConfig(AppConfig):
    name = "workflows"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Every command looks at the definitions first."""
        from workflows import checks  # noqa: F401
