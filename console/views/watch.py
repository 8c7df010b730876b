"""The live home: how everything stands, what needs a person, and where work piles up."""

from __future__ import annotations

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.cache import patch_vary_headers
from django.views.decorators.http import require_safe

from console.presenters.watch import ENDINGS, News
from console.presenters.watch import watch as presented
from console.views.access import reader
from workflows import interventions
from workflows.engine import clock
from workflows.queries import board


@login_required
@require_safe
def watch(request: HttpRequest) -> HttpResponse:
    """The home page; a page that re-reads itself gets only its changing part."""
    viewer = interventions.viewer(reader(request))
    now = clock.now()
    unmatched, since = board.unmatched(viewer, now)
    news = News(
        now=now,
        definitions=board.processes(viewer),
        groups=board.groups(viewer, now),
        causes=board.causes(viewer),
        unmatched=unmatched,
        unmatched_since=since,
        traffic=board.traffic(viewer, now),
        crew=board.crew(viewer, now),
        rates=board.per_minute(viewer, ("started", *ENDINGS), now),
    )
    shown = {"now": now, "page": presented(news), "anything": bool(news.groups) or board.anything(viewer)}
    template = "console/watch/live.html" if request.headers.get("HX-Request") else "console/watch.html"
    answer = render(request, template, shown)
    patch_vary_headers(answer, ["HX-Request"])
    return answer
