"""The demonstration: a wholesaler's orders and returns, and the simulated systems they depend on."""

from django.apps import AppConfig


class DemoConfig(AppConfig):
    name = "workflows.demo"
    label = "demo"
    default_auto_field = "django.db.models.BigAutoField"
