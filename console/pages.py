"""The addresses of the console's pages."""

from __future__ import annotations

from django.conf import settings
from django.urls import URLPattern, path

from console.views import (
    decide,
    demo,
    dependencies,
    instance,
    permissions,
    processes,
    record,
    repair,
    signin,
    styleguide,
    watch,
    work,
)  # fmt: skip

urlpatterns: list[URLPattern] = [
    path("", watch.watch, name="watch"),
    path("work/", work.work, name="work"),
    path("repair/", repair.repair, name="repair"),
    path("search/", work.search, name="search"),
    path("record/", record.the_record, name="record"),
    path("decide/", decide.queue, name="decide"),
    path("decide/count/", decide.badge, name="decide-count"),
    path("decide/<uuid:approval_id>/", decide.decision, name="decision"),
    path("dependencies/", dependencies.every, name="dependencies"),
    path("dependencies/<str:name>/", dependencies.one, name="dependency"),
    path("processes/", processes.every, name="processes"),
    path("processes/<str:name>/", processes.one, name="process"),
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
