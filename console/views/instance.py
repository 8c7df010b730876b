"""One instance: where it is and why, what is true outside, and what may be done about it."""

from __future__ import annotations

from uuid import UUID

from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_GET, require_http_methods

from workflows.engine import clock
from workflows.queries import instances


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def instance(request: HttpRequest, workflow: str, key: str) -> HttpResponse:
    """The page of the latest run for a business key, or of `?run=`."""
    return render(request, "console/instance.html", {"now": clock.now(), "key": key, "workflow": workflow})


@login_required
@require_GET
def by_id(request: HttpRequest, instance_id: UUID) -> HttpResponse:
    """The address of an instance whose id is all one has."""
    row = instances.one(instance_id)
    if row is None:
        raise Http404
    address = reverse("instance", args=[row.workflow, row.key])
    return HttpResponseRedirect(f"{address}?run={row.run}")
