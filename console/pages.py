"""The addresses of the console's pages."""

from __future__ import annotations

from django.conf import settings
from django.urls import URLPattern, path

from console.views import signin, styleguide

urlpatterns: list[URLPattern] = [
    path("signin/", signin.sign_in, name="signin"),
    path("signout/", signin.sign_out, name="signout"),
]
if settings.DEBUG:
    urlpatterns += [path("styleguide/", styleguide.styleguide, name="styleguide")]
