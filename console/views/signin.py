"""Signing in and out, and where one lands."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.contrib.auth import views
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.urls import reverse

from console import patience
from workflows import interventions
from workflows.interventions import Principal

#: who can sign in to the demo, and as what; the password is the name plus `-demo`
DEMO_PEOPLE = ("support", "approver", "approver2", "operator", "admin")


class _SignIn(views.LoginView):
    """Django's view, which leads on to where this person's work is unless another page was asked for."""

    def get_redirect_url(self, request: HttpRequest | None = None) -> str:
        wanted = super().get_redirect_url()
        return "" if wanted == "/" else wanted

    def get_default_redirect_url(self) -> str:
        return landing(interventions.user(self.request.user))


def landing(principal: Principal) -> str:
    """Approvers decide, support looks for numbers, whoever may do more keeps watch over everything."""
    if interventions.may_somewhere(principal, "retry").allowed:
        return reverse("watch")
    if interventions.may_somewhere(principal, "approve").allowed:
        return reverse("decide")
    if interventions.may_somewhere(principal, "read").allowed:
        return f"{reverse('work')}?find"
    return reverse("watch")


def sign_in(request: HttpRequest) -> HttpResponseBase:
    """The sign-in page; afterwards the page one came from. The demo shows its public sign-ins."""
    shown: dict[str, Any] = {"people": DEMO_PEOPLE if settings.DEMO else ()}
    name, address = request.POST.get("username", ""), request.META.get("REMOTE_ADDR", "")
    if request.method == "POST" and patience.exhausted(name, address):
        return render(request, "signin.html", {**shown, "wait": patience.SECONDS // 60}, status=429)
    page = _SignIn.as_view(template_name="signin.html", redirect_authenticated_user=True, extra_context=shown)
    answer = page(request)
    if request.method == "POST":
        (patience.right if answer.status_code == 302 else patience.wrong)(name, address)
    return answer


def sign_out(request: HttpRequest) -> HttpResponseBase:
    """End the session (POST only) and show the sign-in page."""
    return views.LogoutView.as_view(next_page="signin")(request)
