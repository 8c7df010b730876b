"""Shows each step of an instance as a card: what it is, where it stands, what went in, what came out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from django.utils.translation import gettext as _

from console import timewords
from console.presenters.bodies import Field, fields
from console.presenters.names import function_words, step_name
from console.statuswords import capital, system, words
from workflows.dsl.definition import Definition
from workflows.queries.details import Detail
from workflows.queries.steps import CompensationRow, Step


@dataclass(frozen=True, slots=True)
class Source:
    """Where an input of a step comes from: a step of this page, or the instance's input."""

    name: str
    step: str


@dataclass(frozen=True, slots=True)
class Correction:
    """The way back of one step."""

    words: str
    tone: str
    word: str
    attempts: str
    error: str
    key: str
    at: datetime | None
    output: list[Field]


@dataclass(frozen=True, slots=True)
class StepCard:
    """One step, ready to be shown. `css` is the class of the drawing, `over` whether nothing more comes."""

    name: str
    title: str
    kind: str
    stage: str
    tone: str
    css: str
    word: str
    over: bool
    attempts: str
    error: str
    key: str
    started_at: datetime | None
    ended_at: datetime | None
    took: str
    next_at: datetime | None
    rule: str
    dependency: str
    owner: str
    runbook: str
    critical: bool
    lasting: bool
    sources: list[Source]
    after: str
    output: list[Field]
    correction: Correction | None


#: state of a step -> mark, class in the drawing
_LOOKS = {
    "planned": ("ahead", "ahead"),
    "ready": ("here", "here"),
    "running": ("here", "here"),
    "waiting": ("wait", "here"),
    "needs_person": ("person", "person"),
    "succeeded": ("past", "past"),
    "skipped": ("skipped", "skipped"),
    "refused": ("failed", "failed"),
    "dropped": ("skipped", "skipped"),
    "cancelled": ("cancelled", "skipped"),
}
_OVER = frozenset({"succeeded", "skipped", "refused", "dropped", "cancelled"})


def cards(detail: Detail, *, everything: bool = False) -> list[StepCard]:
    """All cards in the order of the definition."""
    return [_card(detail, step, everything=everything) for step in detail.steps]


def one(found: Sequence[StepCard], name: str) -> StepCard | None:
    """The card of this step."""
    return next((card for card in found if card.name == name), None)


def _card(detail: Detail, step: Step, *, everything: bool) -> StepCard:
    tone, css, word = _look(detail, step)
    node = detail.definition.by_name[step.name] if detail.definition else None
    before = sorted(node.after, key=detail.definition.position.__getitem__) if node and detail.definition else []
    return StepCard(
        name=step.name,
        title=capital(step_name(detail.definition, step.name)),
        kind=_kind(step.kind),
        stage=step.stage,
        tone=tone,
        css=css,
        word=word,
        over=step.state in _OVER,
        attempts=attempts(step),
        error=step.last_error if step.state not in ("succeeded", "skipped") else "",
        key=step.idempotency_key if step.state != "planned" else "",
        started_at=step.started_at,
        ended_at=step.ended_at,
        took=_took(step),
        next_at=step.retry_at or step.due_at,
        rule=step.rule,
        dependency="" if step.dependency == "internal" else step.dependency,
        owner=step.owner,
        runbook=step.runbook,
        critical=step.critical,
        lasting=step.irreversible,
        sources=_sources(detail, step),
        after=", ".join(step_name(detail.definition, name) for name in before),
        output=fields(step.output, everything=everything),
        correction=_correction(step.compensation, everything=everything),
    )


def _look(detail: Detail, step: Step) -> tuple[str, str, str]:
    """Mark, class in the drawing, and the state in a word or two."""
    if step.corrected:
        return "undo", "undo", _("done, then corrected")
    if step.compensation and step.compensation.state == "needs_person":
        return "person", "person", _("correction needs a person")
    if step.compensation and step.compensation.state in ("planned", "ready", "running", "awaiting"):
        return "undo", "undo", _("being corrected")
    if step.state in ("ready", "running") and step.held_up_by:
        waits = _("waits for %(system)s") % {"system": system(step.held_up_by)}
        return "held", "held", _("tried now") if step.state == "running" else waits
    if step.state in ("ready", "running") and step.last_error:
        word = _("tried again now") if step.state == "running" else _("is tried again")
        return "held", "held", word
    if step.unknown and step.state in _OVER:
        return "unknown", "held", _("unknown")
    if step.state == "planned" and (detail.row.ended_at is not None or detail.state.correction is not None):
        return "ahead", "ahead", _("not reached")
    return (*_LOOKS[step.state], _state_word(step))


def _state_word(step: Step) -> str:
    match step.state:
        case "planned":
            return _("to come")
        case "ready":
            return _("next in line")
        case "running":
            return _("in progress")
        case "waiting":
            return _("waiting")
        case "needs_person":
            return _("needs a person")
        case "succeeded":
            return _("announced") if step.kind == "publish" else _("done")
        case "skipped":
            return _("skipped")
        case "refused":
            return _("refused")
        case "dropped":
            return _("given up")
    return _("no longer wanted")


def _kind(kind: str) -> str:
    match kind:
        case "query":
            return _("question")
        case "step":
            return _("step")
        case "callback":
            return _("answer from outside")
        case "timer":
            return _("waiting time")
        case "publish":
            return _("announcement")
    return words(kind)


def attempts(step: Step) -> str:
    """How often it was tried, and how often it may be: "attempt 3 of 10", "at attempt 2"."""
    most = step.max_attempts
    if step.state == "running":
        number = step.attempts + 1
        return (
            _("attempt %(n)d of %(most)d") % {"n": number, "most": most} if most else _("attempt %(n)d") % {"n": number}
        )
    if not step.attempts or step.kind == "callback":
        return ""
    if step.state == "succeeded":
        return _("at attempt %(n)d") % {"n": step.attempts} if step.attempts > 1 else _("at the first attempt")
    if step.state in _OVER or not most or (step.state == "needs_person" and step.attempts < most):
        return _("attempts: %(n)d") % {"n": step.attempts}
    return _("%(n)d of %(most)d attempts failed") % {"n": min(step.attempts, most), "most": most}


def _took(step: Step) -> str:
    if step.started_at is None or step.ended_at is None or step.ended_at < step.started_at:
        return ""
    length = step.ended_at - step.started_at
    if length.total_seconds() < 10:
        return _("%(seconds)s s") % {"seconds": f"{length.total_seconds():.2f}"}
    return timewords.span(length)


def _sources(detail: Detail, step: Step) -> list[Source]:
    definition = detail.definition
    given = definition.given if definition else ""
    return [
        Source(_source_name(definition, name, given), "" if name == given else name) for name in step.sources.values()
    ]


def _source_name(definition: Definition | None, name: str, given: str) -> str:
    if name == given:
        return _("the %(noun)s as it came in") % {"noun": definition.noun if definition else name}
    return step_name(definition, name)


def _correction(row: CompensationRow | None, *, everything: bool) -> Correction | None:
    if row is None:
        return None
    looks = {
        "done": ("undo", _("corrected")),
        "needs_person": ("person", _("needs a person")),
        "awaiting": ("wait", _("waits for the running attempt")),
        "planned": ("ahead", _("planned")),
        "dropped": ("skipped", _("not needed: nothing had happened")),
        "running": ("here", _("in progress")),
    }
    tone, word = looks.get(row.state, ("here", _("next in line")))
    if row.state == "ready" and row.last_error:
        tone, word = "held", _("is tried again")
    number = _("attempts: %(n)d") % {"n": row.attempts} if row.attempts > 1 else ""
    return Correction(
        capital(function_words(row.function)), tone, word, number, row.last_error if row.state != "done" else "",
        row.idempotency_key, row.ended_at or row.retry_at, fields(row.output, everything=everything),
    )  # fmt: skip
