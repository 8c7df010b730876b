"""API tokens: given with limits and shown once, revoked with a reason, never changed; the digest is shown to nobody."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.translation import gettext as _

from console.administration.forms import RevokeForm, TokenForm
from console.administration.looking import Table
from console.people import person
from workflows.interventions import Impossible, tokens
from workflows.models import ApiToken


class Tokens(Table):
    """Everybody's tokens."""

    change_form_template = "admin/token.html"
    list_display = (
        "user", "label", "capabilities", "workflows", "created_at", "expires_at", "last_used_at", "revoked_at",
    )  # fmt: skip
    list_select_related = ("user",)
    search_fields = ("user__username", "label")

    def has_add_permission(self, request: HttpRequest, *args: Any) -> bool:
        """For whoever came through the door."""
        return self.admin_site.has_permission(request)

    def get_urls(self) -> list[URLPattern]:
        """The page that ends a token stands beside Django's."""
        revoke = self.admin_site.admin_view(self.revoke)
        return [path("<int:token_id>/revoke/", revoke, name="workflows_apitoken_revoke"), *super().get_urls()]

    def add_view(self, request: HttpRequest, form_url: str = "", extra_context: Any = None) -> HttpResponse:
        """The form for a new token; afterwards its text, once."""
        if not self.has_add_permission(request):
            raise PermissionDenied
        form = TokenForm(request.POST or None)
        if request.method == "POST" and form.is_valid():
            text = self._issue(request, form)
            if text:
                shown = {**self.admin_site.each_context(request), "title": _("A new token"), "text": text}
                return _uncached(TemplateResponse(request, "admin/token_issued.html", shown))
        return self._form(request, form, _("Give a token"), _("Give it"))

    def _issue(self, request: HttpRequest, form: TokenForm) -> str:
        """The text of the new token; empty when it could not be given, which the form then says."""
        given = form.cleaned_data
        try:
            return tokens.issue(
                given["user"],
                by=person(request),
                label=given["label"],
                lifetime=timedelta(days=given["days"]) if given["days"] else None,
                limits=tokens.limits(given["capabilities"], given["workflows"]),
                reason=given["reason"],
            )
        except Impossible as error:
            form.add_error(None, str(error))
            return ""

    def revoke(self, request: HttpRequest, token_id: int) -> HttpResponse:
        """Asks for the reason; a POST ends the token."""
        form = RevokeForm(request.POST or None)
        if request.method == "POST" and form.is_valid():
            ended = tokens.revoke(token_id, by=person(request), reason=form.cleaned_data["reason"])
            told = _("The token is revoked.") if ended else _("The token was revoked before.")
            messages.info(request, told)
            return HttpResponseRedirect(reverse("admin:workflows_apitoken_changelist"))
        return self._form(request, form, _("Revoke a token"), _("Revoke it"))

    def _form(self, request: HttpRequest, form: Any, title: str, button: str) -> HttpResponse:
        shown = {**self.admin_site.each_context(request), "title": title, "button": button, "form": form}
        return _uncached(TemplateResponse(request, "admin/token_form.html", {**shown, "opts": self.opts}))


def _uncached(answer: TemplateResponse) -> HttpResponse:
    answer["Cache-Control"] = "no-store"
    return answer


def register() -> None:
    """Make the tokens known."""
    admin.site.register(ApiToken, Tokens)
