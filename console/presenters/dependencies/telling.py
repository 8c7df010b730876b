"""Says of a breaker, in sentences, how it stands, what waits for it, what its rule is and how it got there."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta

from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from breakers.machine import Policy, State
from breakers.queries import Standing
from console.presenters.tones import noun
from console.statuswords import capital, system
from workflows.queries.dependencies import MOST, DependencyRow


def percent(share: float) -> str:
    """A share as people read it: 0 %, 0.4 %, 37 %."""
    value = share * 100
    return f"{value:.1f} %" if 0 < value < 1 else f"{value:.0f} %"


def span(length: timedelta) -> str:
    """A length of time of a rule: 0.5 s, 10 s, 2 min, 1 h."""
    seconds = length.total_seconds()
    if seconds < 60 or seconds % 60:
        return _("%(n)s s") % {"n": f"{seconds:g}"}
    minutes = int(seconds // 60)
    return _("%(n)d h") % {"n": minutes // 60} if minutes % 60 == 0 else _("%(n)d min") % {"n": minutes}


def waiting(row: DependencyRow, nouns: Mapping[str, str]) -> str:
    """What is held up: "311 orders", "10,000+ cases"."""
    counted = noun(row.held_up, set(row.held_up_in), dict(nouns))
    return counted.replace(f"{MOST:,}", f"{MOST:,}+") if row.held_up >= MOST else counted


def state_words(row: DependencyRow, cause: str, nouns: Mapping[str, str]) -> SafeString:
    """One or two sentences: how the breaker stands and why, and what waits."""
    told = [_stands(row, cause), _waits(row, nouns)]
    return format_html_join(" ", "{}", ((one,) for one in told if one))


def _stands(row: DependencyRow, cause: str) -> SafeString | str:
    breaker = row.breaker
    if breaker is None:
        return _("It has no breaker: every call is made.")
    held = {"who": breaker.hold.by, "why": breaker.hold.reason} if breaker.hold else {}
    match breaker.state:
        case State.CLOSED:
            return _("Calls pass again.") if row.held_up else _("Calls pass.")
        case State.OPEN:
            return format_html(_("<b>Unavailable</b>: {cause}. Calls are kept away."), cause=cause)
        case State.HALF_OPEN:
            template = ngettext(
                "A call at a time finds out whether it is back; {done} of {needed} succeeded.",
                "Up to {n} calls at a time find out whether it is back; {done} of {needed} succeeded.",
                breaker.policy.probes,
            )
            numbers = {"n": breaker.policy.probes, "done": breaker.probed, "needed": breaker.policy.successes}
            return format_html(template, **numbers)
        case State.HELD_OPEN:
            return format_html(_("<b>{who}</b> keeps calls away: “{why}”."), **held)
        case State.HELD_CLOSED:
            return format_html(_("<b>{who}</b> lets every call pass, whatever comes of it: “{why}”."), **held)


def _waits(row: DependencyRow, nouns: Mapping[str, str]) -> SafeString | str:
    if not row.held_up or row.breaker is None:
        return ""
    cases = waiting(row, nouns)
    if row.breaker.state in (State.CLOSED, State.HELD_CLOSED):
        template = ngettext(
            "<b>{cases}</b> comes back, at most {pace} per second.",
            "<b>{cases}</b> come back, at most {pace} per second.",
            row.held_up,
        )
        return format_html(template, cases=cases, pace=f"{row.breaker.policy.drain_per_second:g}")
    template = ngettext(
        "<b>{cases}</b> waits; nothing was sent for it, and no attempt was used.",
        "<b>{cases}</b> wait; nothing was sent for them, and no attempt was used.",
        row.held_up,
    )
    return format_html(template, cases=cases)


def warning(row: DependencyRow, cause: str, nouns: Mapping[str, str]) -> SafeString:
    """The same as one line of the home page, where the system is named first."""
    breaker = row.breaker
    assert breaker is not None, "there is nothing to warn of without a breaker"
    about = {"System": capital(system(row.name)), "system": system(row.name), "cause": cause}
    if breaker.hold is not None:
        about |= {"who": breaker.hold.by, "why": breaker.hold.reason}
    match breaker.state:
        case State.HELD_OPEN:
            told = format_html(_("<b>{who}</b> keeps calls away from <b>{system}</b>: “{why}”."), **about)
        case State.HELD_CLOSED:
            told = format_html(_("<b>{who}</b> lets every call to <b>{system}</b> pass: “{why}”."), **about)
        case State.HALF_OPEN:
            told = format_html(_("<b>{System}</b> is unavailable and being tried: {cause}."), **about)
        case _:
            told = format_html(_("<b>{System}</b> is unavailable: {cause}."), **about)
    if not row.held_up:
        return told
    template = ngettext(
        "<b>{cases}</b> waits and goes on by itself.", "<b>{cases}</b> wait and go on by themselves.", row.held_up
    )
    return format_html("{} {}", told, format_html(template, cases=waiting(row, nouns)))


def opens(policy: Policy) -> str:
    """When it opens."""
    return _(
        "after %(row)d failures in a row, or when %(share)s of at least %(calls)d calls within %(window)s fail"
    ) % {
        "row": policy.consecutive,
        "share": percent(policy.failure_share),
        "calls": policy.minimum_calls,
        "window": span(policy.window),
    }


def tries(policy: Policy) -> str:
    """When and how it tries again."""
    return _(
        "after %(first)s, twice as long after every failed try, at most %(cap)s; "
        "then %(probes)d at a time, and %(successes)d must succeed"
    ) % {
        "first": span(policy.open_for),
        "cap": span(policy.open_cap),
        "probes": policy.probes,
        "successes": policy.successes,
    }


def drains(policy: Policy) -> str:
    """How what was held up comes back."""
    return _("%(pace)s per second, the longest waiting first") % {"pace": f"{policy.drain_per_second:g}"}


def unavailable(standing: Standing) -> bool:
    """Whether calls are kept away now, be it with exceptions for probes."""
    return standing.state in (State.OPEN, State.HALF_OPEN, State.HELD_OPEN)
