"""Says lengths of time the way people do: 42 s, 18 min, 3 h 10 min. The browser says them with the same patterns."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

MINUTE, HOUR, DAY = 60, 3600, 86400

#: Every way to say a length or a distance; `console.js` receives them in the reader's language.
PATTERNS = {
    "s": gettext_noop("{n} s"),
    "min": gettext_noop("{n} min"),
    "h": gettext_noop("{h} h"),
    "h_min": gettext_noop("{h} h {m} min"),
    "d": gettext_noop("{d} d"),
    "d_h": gettext_noop("{d} d {h} h"),
    "just": gettext_noop("just now"),
    "ago": gettext_noop("{span} ago"),
    "until": gettext_noop("in {span}"),
    "now": gettext_noop("now"),
    "late": gettext_noop("{span} overdue"),
}


def patterns() -> dict[str, str]:
    """The patterns in the language of the present request."""
    return {name: _(pattern) for name, pattern in PATTERNS.items()}


def span(length: timedelta) -> str:
    """The length in at most two units; a negative one counts as zero."""
    seconds = max(0, int(length.total_seconds()))
    if seconds < MINUTE:
        return _say("s", n=seconds)
    if seconds < HOUR:
        return _say("min", n=seconds // MINUTE)
    if seconds < DAY:
        hours, minutes = divmod(seconds // MINUTE, 60)
        return _say("h_min", h=hours, m=minutes) if minutes else _say("h", h=hours)
    days, hours = divmod(seconds // HOUR, 24)
    return _say("d_h", d=days, h=hours) if hours and days < 14 else _say("d", d=days)


def ago(moment: datetime, *, now: datetime) -> str:
    """How long the moment is past: `18 min ago`, `just now` below five seconds."""
    if now - moment < timedelta(seconds=5):
        return _say("just")
    return _say("ago", span=span(now - moment))


def until(moment: datetime, *, now: datetime) -> str:
    """How far away the moment is: `in 18 min`; `now` once it has come; `3 min overdue` a while later."""
    if moment - now >= timedelta(seconds=1):
        return _say("until", span=span(moment - now))
    if now - moment < timedelta(seconds=MINUTE):
        return _say("now")
    return _say("late", span=span(now - moment))


def exact(moment: datetime) -> str:
    """Date and time in UTC, for titles and readers without scripts."""
    return moment.strftime("%-d %b %Y, %H:%M:%S UTC")


def clock(moment: datetime, *, now: datetime) -> str:
    """The time of day in UTC, with the date when it is another day."""
    return moment.strftime("%H:%M UTC" if moment.date() == now.date() else "%-d %b, %H:%M UTC")


def second(moment: datetime, *, now: datetime) -> str:
    """Like `clock`, to the second: for what happens in quick succession."""
    return moment.strftime("%H:%M:%S UTC" if moment.date() == now.date() else "%-d %b, %H:%M:%S UTC")


def _say(pattern: str, **values: object) -> str:
    return _(PATTERNS[pattern]).format(**values)
