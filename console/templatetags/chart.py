"""Small drawings templates use everywhere: icons, status marks, times, keys, numbers."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django import template
from django.conf import settings
from django.template.context import Context
from django.templatetags.static import static
from django.utils.html import format_html, json_script
from django.utils.safestring import SafeString

from console import timewords
from console.navigation import Entry, entries
from console.people import person
from workflows.interventions import may

register = template.Library()


@register.simple_tag
def icon(name: str) -> SafeString:
    """One symbol of the vendored sprite, without meaning of its own: a word stands beside it."""
    return _drawing("icon", static("vendor/sprite.svg"), name)


@register.simple_tag
def glyph(tone: str) -> SafeString:
    """The shape of a state, coloured by its tone; the state's word stands beside it."""
    return _drawing(f"glyph tone-{tone}", static("img/marks.svg"), tone)


@register.simple_tag
def mark(tone: str, word: str) -> SafeString:
    """A state as shape and word."""
    return format_html('<span class="mark">{}{}</span>', glyph(tone), word)


@register.simple_tag(takes_context=True)
def moment(context: Context, at: datetime | None, how: str = "ago") -> SafeString:
    """A point in time. `how` is ago, until, span (how long since), clock or second; the browser keeps it current."""
    if at is None:
        return SafeString("")
    return time_element(at, how, now=context["now"])


def time_element(at: datetime, how: str, *, now: datetime) -> SafeString:
    """The HTML `time` element for a point in time, as `moment` shows it."""
    match how:
        case "ago":
            words = timewords.ago(at, now=now)
        case "until":
            words = timewords.until(at, now=now)
        case "span":
            words = timewords.span(now - at)
        case "second":
            words = timewords.second(at, now=now)
        case _:
            words = timewords.clock(at, now=now)
    return format_html(
        '<time datetime="{}" data-how="{}" title="{}">{}</time>',
        at.isoformat(timespec="seconds").replace("+00:00", "Z"), how, timewords.exact(at), words,
    )  # fmt: skip


@register.simple_tag
def figure(number: int) -> str:
    """A count with thousands set apart, as people read it: 1,482."""
    return f"{number:,}"


@register.simple_tag(takes_context=True)
def places(context: Context) -> list[Entry]:
    """The entries of the app bar, seen from the present page."""
    request = context.get("request")
    return entries(request.path, person(request)) if request is not None else []


@register.filter
def further(there: list[Entry]) -> list[Entry]:
    """The places that a phone keeps behind *More*."""
    return [entry for entry in there if not entry.first]


@register.simple_tag(takes_context=True)
def governs(context: Context) -> bool:
    """Whether the administration opens for whoever looks."""
    request = context.get("request")
    return request is not None and may(person(request), "govern").allowed


@register.simple_tag
def environment() -> dict[str, Any]:
    """Name of this installation (empty for none) and whether it is the demo."""
    return {"name": settings.CONSOLE_ENVIRONMENT, "demo": settings.DEMO}


@register.simple_tag(name="timewords")
def shared_timewords() -> SafeString:
    """How the browser says lengths of time, in the reader's language; data, not a script that runs."""
    return json_script(timewords.patterns(), "timewords")


def _drawing(css: str, sheet: str, name: str) -> SafeString:
    return format_html('<svg class="{}" aria-hidden="true"><use href="{}#{}"></use></svg>', css, sheet, name)
