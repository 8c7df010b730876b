"""Shows every component in every state on one page, for the eyes of whoever changes the looks. Only with DEBUG."""

from __future__ import annotations

from datetime import timedelta

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from console.presenters.course import course
from console.presenters.dependencies.switch import Pip, Switch
from console.presenters.outside import Chip
from console.presenters.sparkline import sparkline
from console.presenters.track import Leg
from workflows.engine import clock

TONES = (
    "ok", "flow", "wait", "held", "person", "undo", "paused", "cancelled", "failed", "unknown", "past", "here", "ahead",
    "skipped",
)  # fmt: skip
STAGES = ("Checking", "Payment", "ERP registration", "Delivery")


@require_safe
def styleguide(request: HttpRequest) -> HttpResponse:
    """The page of components."""
    now = clock.now()
    courses = [(tone, course(STAGES, STAGES[index % 4], tone)) for index, tone in enumerate(TONES[:9])]
    tracks = [
        [
            Leg(stage, tone if place == 1 else "past" if not place else "ahead", tone)
            for place, stage in enumerate(STAGES)
        ]
        for tone in ("here", "wait", "held", "person", "undo", "paused", "failed")
    ]
    shown = {
        "now": now,
        "tones": TONES,
        "courses": courses,
        "tracks": [{"legs": legs} for legs in tracks],
        "chips": {
            "chips": [
                Chip("reserve", "ok", "Stock reserved"),
                Chip("charge", "unknown", "Payment unknown", "No answer came."),
                Chip("charge", "undo", "Payment charged £412.50: corrected"),
                Chip("submitted", "person", "ERP submission cannot be corrected"),
            ],
            "noun": "order",
        },
        "switches": [
            Switch("closed", "Closed", ""),
            Switch("open", "Open", "held"),
            Switch("trying", "Trying", "held", pips=(Pip(29, True), Pip(35, False))),
            Switch("open", "Held open", "held", locked=True),
            Switch("closed", "Held closed", "held", locked=True),
            Switch("none", "No breaker", ""),
        ],
        "line": sparkline([1, 3, 2, 6, 4, 8, 7, 9]),
        "moments": [now - timedelta(seconds=2), now - timedelta(minutes=18), now - timedelta(days=3, hours=2)],
        "soon": now + timedelta(minutes=4),
    }
    return render(request, "styleguide.html", shown)
