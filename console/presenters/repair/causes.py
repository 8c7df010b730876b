"""Tells causes of trouble: what is wrong, how many hang on it, who has it, and what is known about it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from hashlib import sha256
from urllib.parse import urlencode

from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from console.presenters.names import step_name
from console.presenters.repair.tabs import Asked, Choice, cause_url
from console.presenters.tones import noun
from console.standings import definition_of
from console.statuswords import capital, system, words
from workflows import registry
from workflows.dsl.definition import Definition
from workflows.queries.failures import Failure, Part, runbook
from workflows.queries.trouble import Cause

#: what is wrong with a step, by the kind of its error
_FORWARD = {
    "failing": gettext_lazy("%(step)s fails"),
    "permanent": gettext_lazy("%(step)s cannot succeed by trying again"),
    "asked": gettext_lazy("%(step)s: somebody has to choose"),
    "unanswered": gettext_lazy("%(step)s: no answer came"),
    "unknown": gettext_lazy("%(step)s: nobody knows whether it happened"),
    "lost": gettext_lazy("%(step)s took its worker down again and again"),
}
#: the same for its correction
_BACK = {
    "failing": gettext_lazy("%(step)s cannot be corrected: it fails"),
    "permanent": gettext_lazy("%(step)s cannot be corrected by trying again"),
    "asked": gettext_lazy("%(step)s: somebody has to say how to correct it"),
    "unknown": gettext_lazy("%(step)s: nobody knows whether it was corrected"),
    "lost": gettext_lazy("%(step)s: correcting it took its worker down again and again"),
}


@dataclass(frozen=True, slots=True)
class PartLine:
    """One step of one process that the cause touches."""

    words: str
    count: str
    url: str


@dataclass(frozen=True, slots=True)
class Step:
    """One way to say how a cause stands, as a button."""

    state: str
    label: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Card:
    """One cause. `holder` is who took it; `instead_of` is sent along, so that nobody takes it from somebody unseen."""

    key: str
    anchor: str
    revision: str
    url: str
    tone: str
    title: str
    count: str
    work_url: str
    people: str
    retried: str
    held: str
    next_at: datetime | None
    oldest: datetime | None
    newest: datetime | None
    error: str
    parts: list[PartLine]
    owner: str
    runbooks: str
    state: str
    holder: str
    instead_of: str
    take: str
    steps: list[Step]
    note: str
    by: str
    at: datetime | None
    #: the note as it was sent, and why it was not kept
    typed: str = ""
    sent: str = ""
    opened: bool = False

    @property
    def written(self) -> str:
        """What stands in the field of the note."""
        return self.typed if self.opened else self.note


def cards(found: Sequence[Failure], me: str) -> list[Card]:
    """The causes in words, as `me` sees them."""
    return [_card(failure, me) for failure in found]


def choices(here: Asked) -> list[Choice]:
    """What the list of causes can be narrowed to."""
    return [
        Choice(_("Not done"), here.url(show="", cause=""), not here.get("show") and not here.get("cause")),
        Choice(_("Also what is done"), here.url(show="done", cause=""), here.get("show") == "done"),
    ]


def reopened(found: Sequence[Card], key: str, typed: str) -> list[Card]:
    """The same with one note open again, as it was sent."""
    return [replace(card, opened=True, typed=typed) if card.key == key and typed else card for card in found]


def title(cause: Cause, part: Part | None) -> str:
    """What is wrong, in a few words. `part` knows the version whose words are meant."""
    if cause.whole:
        return _("%(system)s fails or does not answer") % {"system": capital(system(cause.dependency))}
    status = part.status if part else ""
    return step_title(_definition(cause, part), cause.step, cause.kind, correcting=cause.correcting, status=status)


def step_title(definition: Definition | None, step: str, kind: str, *, correcting: bool, status: str = "") -> str:
    """What is wrong with one step or its correction: the sentence its process declares for that, else a few words."""
    declared = definition.sentences.get(status, ("", ""))[0] if definition and not correcting else ""
    if declared:
        return declared.rstrip(".")
    template = (_BACK if correcting else _FORWARD).get(kind, gettext_lazy("%(step)s cannot go on without a person"))
    return str(template) % {"step": capital(step_name(definition, step))}


def work_url(cause: Cause, **more: str) -> str:
    """The list of everything that hangs on a cause."""
    return f"{reverse('work')}?{urlencode({'cause': cause.key, **more})}"


def _definition(cause: Cause, part: Part | None) -> Definition | None:
    if part is not None:
        return definition_of(part.workflow, part.version)
    try:
        return registry.newest(cause.workflow)
    except registry.UnknownWorkflow:
        return None


def _card(failure: Failure, me: str) -> Card:
    cause, note = failure.cause, failure.note
    who = note.holder if note else ""
    owners = sorted({part.owner for part in failure.parts if part.owner})
    books = sorted({book for part in failure.parts if (book := runbook(part))})
    return Card(
        key=cause.key,
        anchor=anchor(cause.key),
        revision=f"{failure.count} {failure.people} {note.at if note else ''}",
        url=cause_url(cause.key),
        tone="person" if failure.people else "held" if failure.parts else "past",
        title=title(cause, failure.parts[0] if failure.parts else None),
        count=noun(failure.count, set(failure.workflows), _nouns()) if failure.parts else "",
        work_url=work_url(cause),
        people=_people(failure.people),
        retried=_retried(failure.count - failure.people - failure.held),
        held=_held(failure.held),
        next_at=failure.next_at,
        oldest=failure.oldest,
        newest=failure.newest if failure.newest != failure.oldest else None,
        error=failure.error,
        parts=[_part(part) for part in failure.parts] if len(failure.parts) > 1 else [],
        owner=", ".join(owners),
        runbooks=", ".join(books),
        state=_state(failure),
        holder=who,
        instead_of=who,
        take="" if who == me else _("Take it over from %(who)s") % {"who": who} if who else _("Take"),
        steps=_steps(failure.state, known=note is not None),
        note=note.note if note else "",
        by=note.by if note else "",
        at=note.at if note else None,
    )


def anchor(key: str) -> str:
    """A short name for the part of the page that is about this cause."""
    return f"c{sha256(key.encode()).hexdigest()[:10]}"


def _nouns() -> dict[str, str]:
    return {name: definition.noun for (name, _version), definition in registry.definitions().items()}


def _people(count: int) -> str:
    template = ngettext("%(n)s needs a person", "%(n)s need a person", count)
    return template % {"n": f"{count:,}"} if count else ""


def _retried(count: int) -> str:
    template = ngettext("%(n)s is tried again by itself", "%(n)s are tried again by themselves", count)
    return template % {"n": f"{count:,}"} if count else ""


def _held(count: int) -> str:
    template = ngettext("%(n)s waits until it answers again", "%(n)s wait until it answers again", count)
    return template % {"n": f"{count:,}"} if count else ""


def _part(part: Part) -> PartLine:
    definition = definition_of(part.workflow, part.version)
    about = {"noun": capital(definition.noun if definition else words(part.workflow))}
    about["step"] = step_name(definition, part.step)
    said = _("%(noun)s, correcting %(step)s") if part.correcting else _("%(noun)s, %(step)s")
    return PartLine(
        said % about, f"{part.count:,}", work_url(part.cause, workflow=part.workflow, step=part.step)
    )  # fmt: skip


def _state(failure: Failure) -> str:
    who = {"who": failure.note.owner if failure.note else ""}
    if failure.back:
        return _("is back since it was marked done")
    match failure.state:
        case "taken":
            return _("%(who)s has it") % who
        case "waiting":
            return _("waits for a fix; %(who)s has it") % who
        case "done":
            return _("done")
    return _("nobody has it")


def _steps(state: str, *, known: bool) -> list[Step]:
    every = [
        Step("waiting", _("It waits for a fix")),
        Step("done", _("It is done")),
        Step("new", _("Give it back")),
    ]
    return [step for step in every if step.state != state and (known or step.state != "new")]
