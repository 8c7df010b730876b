"""The administration's door: it opens with the right to govern, after the console's own sign-in."""

from __future__ import annotations

from functools import update_wrapper
from typing import Any

from django.contrib.admin import AdminSite
from django.contrib.auth.views import redirect_to_login
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.http import HttpRequest
from django.urls import reverse
from django.utils.translation import gettext_lazy

from console.people import person
from console.views.signin import sign_in
from workflows.interventions import accounts, may


class Office(AdminSite):
    """The one admin site. What Django knows of staff and model permissions does not count here."""

    site_header = site_title = gettext_lazy("Watchkeeper administration")
    index_title = gettext_lazy("People, tokens and tables")
    site_url = "/"
    enable_nav_sidebar = False

    def has_permission(self, request: HttpRequest) -> bool:
        """Whether the person may govern, now."""
        return request.user.is_authenticated and may(person(request), "govern").allowed

    def admin_view(self, view: Any, cacheable: bool = False) -> Any:
        """The view for those who may; 403 with the reason for others. A refused attempt to change is on record."""
        inner = super().admin_view(view, cacheable)

        def guarded(request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
            if request.user.is_authenticated and not self.has_permission(request):
                if request.method == "POST":
                    accounts.refused(person(request), request.path)
                raise PermissionDenied(may(person(request), "govern").reason)
            return inner(request, *args, **kwargs)

        return update_wrapper(guarded, inner)

    def password_change(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> Any:
        """One's own password; that it was changed is on record."""
        with transaction.atomic():
            answer = super().password_change(request, extra_context)
            if request.method == "POST" and answer.status_code == 302:
                who, told = person(request), {"password": "changed"}
                accounts.changed(who, "change-password", who.name, before={}, after=told, reason="their own")
        return answer

    def login(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> Any:
        """The console's own sign-in, which slows down whoever guesses, also for what is sent to this address."""
        if request.method == "POST":
            return sign_in(request)
        return redirect_to_login(request.GET.get("next") or reverse("admin:index"))
