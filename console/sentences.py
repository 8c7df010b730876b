"""Says where an instance is and why, in one or a few plain sentences, for staff and for customers.

    what is going on, since when · why, if not well · what happens next by itself, and when · deadline · owner

Pure: values in, text out. A sentence is a row of parts, so that a page can draw times and names; `text` reads aloud.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from django.utils.translation import gettext as _

from console import timewords
from console.statuswords import activity, capital, suffix, system, words
from workflows.dsl.status import COMPENSATING

_PLACE = re.compile(r"\{(\w+)\}")
_DOING = re.compile(r"^[A-Z][a-z]+ing\b")


@dataclass(frozen=True, slots=True)
class Part:
    """A piece of a sentence.

    Kind is text, name (an entity to set in bold), time, second (a time that is near) or until (how long until then);
    `at` says which time.
    """

    text: str
    kind: str = "text"
    at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Sentence:
    """What staff read, piece by piece, and what may be read out to a customer."""

    parts: tuple[Part, ...]
    customer: str

    @property
    def text(self) -> str:
        """The staff sentence as plain text."""
        return "".join(part.text for part in self.parts)

    def __str__(self) -> str:
        return self.text


@dataclass(frozen=True, slots=True)
class Barrier:
    """The breaker that holds something up: its state, until when a hold lasts or a pause, and who holds it."""

    state: str
    at: datetime | None = None
    by: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """Everything a sentence is made of. The `waiting_*` and `next_*` words are those of `workflows.core.face.Face`."""

    noun: str
    lifecycle: str
    status: str
    since: datetime
    #: declared wording of the status; empty: made from the name
    staff: str = ""
    customer: str = ""
    dependency: str = ""
    waiting_kind: str = ""
    waiting_name: str = ""
    next_what: str = ""
    next_at: datetime | None = None
    needs_person: bool = False
    owner: str = ""
    #: why a person is needed, why it is being corrected, or why it ended
    reason: str = ""
    #: what the last attempt answered, if it failed
    error: str = ""
    deadline_at: datetime | None = None
    deadline_state: str = ""
    ended_at: datetime | None = None
    #: how the breaker stands that it waits for, if it does and somebody has looked
    barrier: Barrier | None = None
    #: the version that no live worker has code for; 0 for none
    without_code: int = 0


def sentence(standing: Standing, now: datetime) -> Sentence:
    """The whole answer. Never empty, whatever the state."""
    told = [_what(standing, now), _why(standing), _next(standing, now), _deadline(standing, now), _owner(standing)]
    parts: list[Part] = []
    for one in told:
        if one:
            parts += [Part(" "), *one] if parts else one
    return Sentence(tuple(parts), standing.customer or _for_customer(standing))


def _fill(template: str, **values: Part | str) -> list[Part]:
    """A translated template with its places filled. A plain string is text; a Part keeps its kind."""
    found: list[Part] = []
    for index, piece in enumerate(_PLACE.split(template)):
        value = values[piece] if index % 2 else piece
        found.append(value if isinstance(value, Part) else Part(value))
    return [part for part in found if part.text]


def _time(moment: datetime, now: datetime) -> Part:
    return Part(timewords.clock(moment, now=now), "time", moment)


# --- what is going on ---------------------------------------------------------------------------------------------


def _what(standing: Standing, now: datetime) -> list[Part]:
    if standing.ended_at is not None:
        template = _("{what}. Ended at {time} ({ago}).")
        ago = timewords.ago(standing.ended_at, now=now)
        return _fill(template, what=_ending(standing), time=_time(standing.ended_at, now), ago=ago)
    what = standing.staff.rstrip(".") or _doing(standing)
    flows = _DOING.match(what) and ";" not in what
    template = _("{what} since {time} ({span}).") if flows else _("{what} (since {time}, {span}).")
    if standing.lifecycle == "paused":
        template = _("Paused by an operator. Before that: {what} (since {time}, {span}).")
        what = what[:1].lower() + what[1:] if not what[:2].isupper() else what
    span = timewords.span(now - standing.since)
    return _fill(template, what=Part(what, "name"), time=_time(standing.since, now), span=span)


def _ending(standing: Standing) -> Part:
    return Part(standing.staff.rstrip(".") or capital(words(standing.status)), "name")


def _doing(standing: Standing) -> str:
    """The default wording, made from the status name and what is waited for."""
    if _correcting(standing):
        return _("What had been done for this %(noun)s is being corrected") % {"noun": standing.noun}
    about = {"what": activity(standing.status), "system": system(standing.dependency or standing.waiting_name)}
    match _held_up_by(standing):
        case "person":
            return capital(_("%(what)s cannot go on without a person") % about)
        case "retry" if standing.dependency:
            return capital(_("%(what)s did not work yet; %(system)s is tried again") % about)
        case "retry":
            return capital(_("%(what)s did not work yet and is tried again") % about)
        case "breaker":
            return capital(_("%(system)s is unavailable, so %(what)s has to wait") % about)
        case "approval":
            return _("Waiting for %(system)s to decide") % {"system": standing.waiting_name}
        case "callback":
            return _("Waiting for %(system)s to answer (%(what)s)") % about
        case "timer":
            return _("Waiting for the right time (%(what)s)") % about
        case _ if standing.status == "Received":
            return _("Received and being taken up")
        case _ if suffix(standing.status) in ("Pending", "Waiting", "Retrying", "Failed"):
            return capital(_("%(what)s in progress") % about)
        case _:
            return capital(words(standing.status))


def _held_up_by(standing: Standing) -> str:
    """What it waits for, or waited for before it was paused."""
    if standing.waiting_kind != "paused":
        return standing.waiting_kind
    if standing.needs_person:
        return "person"
    return {"Retrying": "retry", "Unavailable": "breaker"}.get(suffix(standing.status), "")


# --- why ------------------------------------------------------------------------------------------------------------


def _why(standing: Standing) -> list[Part]:
    told = []
    if standing.reason:
        template = _("It is corrected because: {reason}") if _correcting(standing) else _("Reason: {reason}")
        told.append(_fill(template, reason=_closed(standing.reason)))
    if standing.error and not standing.ended_at and standing.error != standing.reason:
        told.append(_fill(_("Last answer: {error}"), error=_closed(standing.error)))
    return list(_joined(told))


def _correcting(standing: Standing) -> bool:
    """Whether a correction is under way, be it held up by a pause."""
    return standing.ended_at is None and standing.status == COMPENSATING


def _joined(told: list[list[Part]]) -> Iterator[Part]:
    for index, one in enumerate(told):
        if index:
            yield Part(" ")
        yield from one


def _closed(text: str) -> str:
    """The text with a full stop."""
    return text if text.endswith((".", "!", "?", "…")) else f"{text}."


# --- what happens next ----------------------------------------------------------------------------------------------


def _next(standing: Standing, now: datetime) -> list[Part]:
    if standing.ended_at is not None:
        return []
    if standing.lifecycle == "paused":
        return _fill(_("Next: nothing until it is resumed; answers that come in meanwhile are kept."))
    if standing.without_code:
        return _fill(
            _("Next: nothing until a worker starts that has the code for version {version}; none has now."),
            version=str(standing.without_code),
        )
    if standing.waiting_kind == "person":
        return _fill(_("Next: nothing happens by itself; {owner} has to act."), owner=_who(standing))
    if standing.next_what == "outcome":
        return _fill(_("Next: the correction begins when the attempt that is still running has ended."))
    if standing.waiting_kind == "breaker" and standing.next_at is None:
        return _behind_a_breaker(standing, standing.barrier or Barrier(""), now)
    if standing.next_at is None:
        return _fill(_("Next: it goes on by itself, as soon as its turn comes."))
    if standing.next_at <= now:
        return _fill(
            _("Next: {action}, as soon as its turn comes (due {time}, {span})."),
            action=_action(standing),
            time=_time(standing.next_at, now),
            span=timewords.until(standing.next_at, now=now),
        )
    time, span = _time(standing.next_at, now), timewords.until(standing.next_at, now=now)
    return _fill(_("Next: {action} at {time} ({span})."), action=_action(standing), time=time, span=span)


def _behind_a_breaker(standing: Standing, barrier: Barrier, now: datetime) -> list[Part]:
    """What the breaker does next, which only it knows."""
    name = Part(system(standing.waiting_name), "name")
    if barrier.at is not None and barrier.at > now:
        time = Part(timewords.second(barrier.at, now=now), "second", barrier.at)
        span = Part(timewords.until(barrier.at, now=now), "until", barrier.at)
        if barrier.state == "held_open":
            template = _("Next: {who} keeps calls away from {system} until {time} ({span}); nothing was sent.")
            return _fill(template, who=Part(barrier.by, "name"), system=name, time=time, span=span)
        if barrier.state == "open":
            template = _("Next: {system} is tried again at {time} ({span}); nothing was sent.")
            return _fill(template, system=name, time=time, span=span)
    if barrier.state in ("open", "half_open"):
        return _fill(_("Next: {system} is being tried; it goes on when that works. Nothing was sent."), system=name)
    if barrier.state in ("closed", "held_closed"):
        return _fill(_("Next: {system} can be called again; what waited for it goes on bit by bit."), system=name)
    return _fill(_("Next: it goes on by itself when {system} answers again; nothing was sent."), system=name)


def _action(standing: Standing) -> str:
    match standing.next_what:
        case "ask":
            return _("ask %(system)s") % {"system": system(standing.waiting_name)}
        case "escalate":
            return _("%(owner)s is asked to step in") % {"owner": _who(standing).text}
        case "approve":
            return _("it is approved without them")
        case "reject":
            return _("it is rejected without them")
        case "probe":
            return _("%(system)s is tried again") % {"system": system(standing.waiting_name)}
        case "fire":
            return _("it goes on")
        case _:
            return _("another attempt")


def _deadline(standing: Standing, now: datetime) -> list[Part]:
    if standing.deadline_at is None or standing.ended_at is not None:
        return []
    if standing.deadline_at <= now:
        template = _("It should have ended by {time} ({span}).")
    elif standing.deadline_state == "near":
        template = _("Its deadline {time} is near ({span}).")
    else:
        return []
    span = timewords.until(standing.deadline_at, now=now)
    return _fill(template, time=_time(standing.deadline_at, now), span=span)


def _owner(standing: Standing) -> list[Part]:
    if standing.ended_at is not None or not standing.owner:
        return []
    return _fill(_("Owner: {owner}."), owner=Part(standing.owner, "name"))


def _who(standing: Standing) -> Part:
    return Part(standing.owner, "name") if standing.owner else Part(_("an operator"))


# --- for customers --------------------------------------------------------------------------------------------------


def _for_customer(standing: Standing) -> str:
    """The safe default: true, short, and without anybody's name or error."""
    noun = {"noun": standing.noun}
    match standing.lifecycle:
        case "completed":
            return _("Your %(noun)s is complete.") % noun
        case "compensated":
            return _("Your %(noun)s was not carried out; what had been done for it was corrected.") % noun
        case "cancelled":
            return _("Your %(noun)s was cancelled.") % noun
        case "failed":
            return _("Your %(noun)s could not be accepted.") % noun
        case "compensating":
            return _("Your %(noun)s is being cancelled and what was done for it is being corrected.") % noun
        case "paused":
            return _("Your %(noun)s is on hold for the moment.") % noun
    if standing.needs_person:
        return _("Your %(noun)s is delayed; a colleague is looking at it.") % noun
    if standing.waiting_kind in ("retry", "breaker"):
        return _("Your %(noun)s is taking longer than usual.") % noun
    return _("Your %(noun)s is being processed.") % noun
