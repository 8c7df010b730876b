"""Draws the course of an instance as one small line for lists: stages behind, the present one, stages ahead."""

from __future__ import annotations

from functools import lru_cache

from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _

WIDTH, MIDDLE, MARGIN = 104, 8, 7

#: how the present stage is drawn, by tone; anything else is a dot
_DIAMOND = "M{x} 3l5 5-5 5-5-5z"
_LOOK = {"person": "person", "failed": "person", "held": "held", "undo": "undo"}


@lru_cache(maxsize=2000)
def course(stages: tuple[str, ...], stage: str, tone: str) -> SafeString:
    """An SVG 104 by 16. Where the stage is unknown, only its name is said."""
    if stage not in stages:
        return format_html('<span class="unseen">{}</span>', stage)
    here, step = stages.index(stage), (WIDTH - 2 * MARGIN) / max(len(stages) - 1, 1)
    xs = [round(MARGIN + index * step, 1) for index in range(len(stages))]
    ended = tone == "ok"
    last = xs[-1] if ended else xs[here]
    lines = [(xs[0], last, "")] + ([(last, xs[-1], "todo")] if last < xs[-1] else [])
    said = _("%(stage)s, stage %(n)d of %(all)d") % {"stage": stage, "n": here + 1, "all": len(stages)}
    return format_html(
        '<svg class="course" viewBox="0 0 {} 16" role="img" aria-label="{}">{}{}</svg>', WIDTH, said,
        format_html_join("", '<line class="{2}" x1="{0}" x2="{1}" y1="8" y2="8"></line>', lines),
        format_html_join("", "{}", ((_dot(x, index, here, tone, ended=ended),) for index, x in enumerate(xs))),
    )  # fmt: skip


def _dot(x: float, index: int, here: int, tone: str, *, ended: bool) -> SafeString:
    if ended or index < here:
        return format_html('<circle cx="{}" cy="8" r="2.5"></circle>', x)
    if index > here:
        return format_html('<circle class="todo-dot" cx="{}" cy="8" r="2.5"></circle>', x)
    if tone in ("person", "failed"):
        return format_html('<path class="person" d="{}"></path>', _DIAMOND.format(x=x))
    return format_html('<circle class="{}" cx="{}" cy="8" r="4.5"></circle>', _LOOK.get(tone, "here"), x)
