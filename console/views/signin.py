"""Signing in and out."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.contrib.auth import views
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.shortcuts import render

from console import patience

#: who can sign in to the demo, and as what; the password is the name plus `-demo`
DEMO_PEOPLE = ("support", "approver", "operator", "admin")


def sign_in(request: HttpRequest) -> HttpResponseBase:
    """The sign-in page; afterwards the page one came from. The demo shows its public sign-ins."""
    shown: dict[str, Any] = {"people": DEMO_PEOPLE if settings.DEMO else ()}
    name, address = request.POST.get("username", ""), request.META.get("REMOTE_ADDR", "")
    if request.method == "POST" and patience.exhausted(name, address):
        return render(request, "signin.html", {**shown, "wait": patience.SECONDS // 60}, status=429)
    page = views.LoginView.as_view(
        template_name="signin.html", redirect_authenticated_user=True, extra_context=shown
    )  # fmt: skip
    answer = page(request)
    if request.method == "POST":
        (patience.right if answer.status_code == 302 else patience.wrong)(name, address)
    return answer


def sign_out(request: HttpRequest) -> HttpResponseBase:
    """End the session (POST only) and show the sign-in page."""
    return views.LogoutView.as_view(next_page="signin")(request)
