"""Says in sentences how a process takes new instances in, and how much of it is under way."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.text import Truncator
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from console.presenters.processes.process import Process, stable
from console.templatetags.chart import time_element
from workflows.queries.governance import Pause, Share

#: characters of a reason that a sentence shows; the page has the whole of it elsewhere
LONGEST = 160


def lead(process: Process) -> SafeString:
    """The first line of the page: whether and how it takes new ones in, and what is under way."""
    pause, installed = process.decided.pause, [one.version for one in process.versions]
    intake = (
        paused(process.nouns, pause, process.now)
        if pause
        else takes(process.nouns, process.decided.share, installed)
    )  # fmt: skip
    return format_html_join(" ", "{}", ((one,) for one in (intake, _load(process))))


def paused(nouns: str, pause: Pause, now: datetime, *, longest: int = LONGEST) -> SafeString:
    """Who paused the intake, until when, and why, with so many characters of the reason."""
    about = {"nouns": nouns, "who": pause.by, "why": Truncator(pause.reason).chars(longest)}
    if pause.until is None:
        return format_html(
            _("Intake of {nouns} is <b>paused</b> by <b>{who}</b> until somebody resumes it: “{why}”."), **about
        )
    return format_html(
        _("Intake of {nouns} is <b>paused</b> by <b>{who}</b> until {until}: “{why}”."),
        until=time_element(pause.until, "clock", now=now),
        **about,
    )


def takes(nouns: str, share: Share, installed: Sequence[int]) -> SafeString:
    """Which version new instances take, and which share of them another one."""
    chosen, taken = share.stable, stable(share, installed)
    about = {"nouns": nouns, "stable": taken, "chosen": chosen, "candidate": share.candidate, "percent": share.percent}
    if chosen != taken:
        text = _(
            "Version {chosen} was chosen for new {nouns} but is not installed here: <b>version {stable}</b> is taken."
        )
        return format_html(text, **about)
    if share.candidate is None:
        if share.by:
            return format_html(_("New {nouns} take <b>version {stable}</b>."), **about)
        if len(installed) == 1:
            return format_html(_("New {nouns} take <b>version {stable}</b>, the only one."), **about)
        return format_html(_("New {nouns} take <b>version {stable}</b>, the newest."), **about)
    if share.candidate not in installed:
        text = _(
            "New {nouns} take <b>version {stable}</b>; version {candidate} is to be tried but is not installed here."
        )
        return format_html(text, **about)
    if not share.percent:
        return format_html(_("New {nouns} take <b>version {stable}</b>; none tries version {candidate} yet."), **about)
    return format_html(
        _("New {nouns} take <b>version {stable}</b>; <b>{percent} %</b> try <b>version {candidate}</b>."), **about
    )


def role(share: Share, version: int, installed: Sequence[int]) -> str:
    """What a version is for new instances: stable or candidate with its share; empty for the others."""
    main = stable(share, installed)
    tried = share.percent if share.candidate in installed else 0
    if version == main and not share.by:
        return _("newest takes all")
    if version == share.candidate:
        return _("candidate, %(n)d %%") % {"n": tried}
    if version != main:
        return ""
    return _("stable, %(n)d %%") % {"n": 100 - tried} if share.candidate else _("stable, takes all")


def _load(process: Process) -> SafeString | str:
    count, person = process.count(), process.person()
    if not count:
        return _("None is under way.")
    template = ngettext("<b>{n}</b> is under way.", "<b>{n}</b> are under way.", count)
    if person:
        template = ngettext(
            "<b>{n}</b> is under way; <b>{m}</b> needs a person.",
            "<b>{n}</b> are under way; <b>{m}</b> of them need a person.",
            count,
        )
    return format_html(template, n=f"{count:,}", m=f"{person:,}")
