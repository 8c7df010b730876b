"""The addresses of the console's pages."""

from __future__ import annotations

from django.conf import settings
from django.urls import URLPattern, path

from console.views import demo, instance, permissions, signin, styleguide, watch, work

urlpatterns: list[URLPattern] = [
    path("", watch.watch, name="watch"),
    path("work/", work.work, name="work"),
    path("search/", work.search, name="search"),
    path("permissions/", permissions.permissions, name="permissions"),
    path("signin/", signin.sign_in, name="signin"),
    path("signout/", signin.sign_out, name="signout"),
    path("work/id/<uuid:instance_id>/", instance.by_id, name="instance-by-id"),
    path("work/<str:workflow>/<path:key>/", instance.instance, name="instance"),
]
if settings.DEMO:
    urlpatterns += [path("demo/", demo.demo, name="demo")]
if settings.DEBUG:
    urlpatterns += [path("styleguide/", styleguide.styleguide, name="styleguide")]
