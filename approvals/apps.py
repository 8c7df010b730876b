"""The approvals' place among the installed apps."""

from django.apps import AppConfig


class ApprovalsConfig(AppConfig):
    """Questions people answer: a leaf that knows nothing of workflows."""

    name = "approvals"
    default_auto_field = "django.db.models.BigAutoField"
