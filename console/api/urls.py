"""The addresses of the API, its schema and its documentation."""

from __future__ import annotations

from csp.constants import NONE, SELF
from csp.decorators import csp_replace
from django.urls import URLPattern, URLResolver, include, path
from django.views.decorators.csrf import csrf_exempt
from drf_spectacular.views import SpectacularAPIView, SpectacularSwaggerSplitView
from rest_framework.negotiation import DefaultContentNegotiation

from console.api.views import (
    approvals,
    breakers,
    callbacks,
    failures,
    governing,
    instances,
    meta,
    operations,
    record,
    workflows,
)

#: Swagger UI draws with inline styles; its scripts come from here like all others
_DOCS_POLICY = {
    "default-src": [NONE],
    "script-src": [SELF],
    "style-src": [SELF, "'unsafe-inline'"],
    "connect-src": [SELF],
    "img-src": [SELF, "data:"],
    "font-src": [SELF],
    "frame-ancestors": [NONE],
    "base-uri": [NONE],
}

v1: list[URLPattern | URLResolver] = [
    path("workflows", workflows.workflows),
    path("workflows/<str:name>", workflows.workflow),
    path("workflows/<str:name>/versions/<int:number>", workflows.version),
    path("workflows/<str:name>/instances", workflows.start),
    path("workflows/<str:name>/rollout", governing.rollout),
    path("workflows/<str:name>/intake/<str:action>", governing.intake),
    path("instances", instances.listed, name="api-instances"),
    path("instances/<uuid:instance_id>", instances.one, name="api-instance"),
    path("instances/<uuid:instance_id>/history", instances.happened),
    path("instances/<uuid:instance_id>/actions/<str:action>", instances.act),
    path("operations", operations.listed),
    path("operations/<uuid:operation_id>", operations.one),
    path("approvals", approvals.listed),
    path("approvals/<uuid:approval_id>", approvals.one),
    path("approvals/<uuid:approval_id>/approve", approvals.approve),
    path("approvals/<uuid:approval_id>/reject", approvals.reject),
    path("breakers", breakers.listed),
    path("breakers/<str:name>", breakers.one),
    path("breakers/<str:name>/transitions", breakers.moves),
    path("breakers/<str:name>/<str:action>", breakers.act),
    path("callbacks", callbacks.listed),
    path("callbacks/<str:source>", callbacks.receive),
    path("callbacks/<uuid:message_id>/apply", callbacks.apply),
    path("callbacks/<uuid:message_id>/ignore", callbacks.ignore),
    path("failures", failures.listed),
    path("audit", record.audit),
    path("idempotency", record.idempotency),
    path("events", record.events),
    path("subscriptions", record.subscribed),
    path("subscriptions/<int:subscription_id>/replay", record.replay),
]

urlpatterns: list[URLPattern | URLResolver] = [
    path("v1/", include(v1)),
    path("schema/", SpectacularAPIView.as_view(content_negotiation_class=DefaultContentNegotiation), name="api-schema"),
    path(
        "docs/",
        csp_replace(_DOCS_POLICY)(SpectacularSwaggerSplitView.as_view(url_name="api-schema")),
        name="api-docs",
    ),
    path("problems/<str:name>", meta.problem_type, name="api-problem"),
    path("<path:rest>", csrf_exempt(meta.missing)),
    path("", csrf_exempt(meta.missing)),
]
