"""The addresses this installation answers to."""

from __future__ import annotations

from django.contrib import admin
from django.urls import URLPattern, URLResolver, include, path

from console import health
from console.api.views.meta import event_schema
from console.metrics import metrics

urlpatterns: list[URLPattern | URLResolver] = [
    path("healthz", health.alive, name="healthz"),
    path("readyz", health.ready, name="readyz"),
    path("metrics", metrics, name="metrics"),
    path("admin/", admin.site.urls),
    path("api/", include("console.api.urls")),
    path("schemas/<str:name>/<int:version>", event_schema, name="event-schema"),
    path("", include("console.pages")),
]

handler403 = "console.views.errors.forbidden"
handler404 = "console.views.errors.not_found"
