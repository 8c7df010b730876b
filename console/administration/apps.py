"""Puts Django admin behind our own door."""

from __future__ import annotations

from django.contrib.admin.apps import AdminConfig


class OfficeConfig(AdminConfig):
    """Django admin with our site as the one site."""

    default_site = "console.administration.site.Office"
