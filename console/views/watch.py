"""The live home: how everything stands, what needs a person, and where work piles up."""

from __future__ import annotations

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_safe

from breakers import queries as breakers
from breakers.machine import PASSING, State
from console.presenters.watch import ENDINGS, News
from console.presenters.watch import watch as presented
from console.views import regions
from console.views.access import reader
from workflows import interventions
from workflows.engine import clock
from workflows.queries import approvals, board, dependencies, governance, notes, trouble
from workflows.queries.unserved import unserved


@login_required
@require_safe
def watch(request: HttpRequest) -> HttpResponse:
    """The home page; a page that re-reads itself gets only its changing part."""
    principal = reader(request)
    viewer, now = interventions.viewer(principal), clock.now()
    unmatched, since = board.unmatched(viewer, now)
    groups, causes = board.groups(viewer, now), board.causes(viewer)
    systems = dependencies.every(viewer, now)
    failing = {group.dependency for group in groups if group.kind in ("held", "parked")}
    failing |= {row.name for row in systems if row.breaker and row.breaker.state is not State.CLOSED}
    away = [row.name for row in systems if row.breaker and row.breaker.state not in PASSING]
    news = News(
        now=now,
        definitions=board.processes(viewer),
        groups=groups,
        causes=causes,
        notes=notes.about({cause.trouble for cause in causes} | {trouble.outage(name) for name in failing}),
        may_take=interventions.may_somewhere(principal, "take").allowed,
        unmatched=unmatched,
        unmatched_since=since,
        traffic=board.traffic(viewer, now),
        dependencies=systems,
        outages=breakers.outages(away) if away else {},
        crew=board.crew(viewer, now),
        unserved=unserved(viewer, now),
        rates=board.per_minute(viewer, ("started", *ENDINGS), now),
        decisions=approvals.waiting(viewer, now),
        pauses=governance.paused(viewer, now),
    )
    shown = {"now": now, "page": presented(news), "anything": bool(news.groups) or board.anything(viewer)}
    return regions.answer(request, "watch", "watch/live", shown)
