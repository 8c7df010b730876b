"""Words of the list of questions: my queue, what I decided, and what everybody is asked."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import urlencode
from uuid import UUID

from django.urls import reverse
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from approvals.queries import ApprovalRow
from approvals.rules import APPROVE, State
from console.presenters.bodies import plain
from console.presenters.decide.reasons import reasons
from console.statuswords import capital, words
from workflows.interventions.deciding import MANY
from workflows.queries.approvals import Asked, Filters
from workflows.queries.redaction import MASK

#: name of the tab and its label
TABS = {"mine": gettext_lazy("My queue"), "decided": gettext_lazy("My decisions"), "all": gettext_lazy("All questions")}
#: stands for any state
ALL = "all"
#: state to its mark and the word approvers use for it
STATES: dict[str, tuple[str, Promise]] = {
    State.OPEN: ("wait", gettext_lazy("Open")),
    State.APPROVED: ("ok", gettext_lazy("Approved")),
    State.REJECTED: ("failed", gettext_lazy("Rejected")),
    State.TIMED_OUT: ("held", gettext_lazy("Timed out")),
    State.WITHDRAWN: ("cancelled", gettext_lazy("Withdrawn")),
    State.SENT_BACK: ("undo", gettext_lazy("Sent back")),
}
#: values of an instance that a line shows
MOST_FACTS = 3


@dataclass(frozen=True, slots=True)
class Wish:
    """What the address asks for; everything unknown in it was dropped."""

    tab: str
    #: for all questions: in this state
    state: str
    cursor: str = ""

    def filters(self, name: str) -> Filters:
        """The same as a query understands it, for the person of this name."""
        if self.tab == "mine":
            return Filters(mine=name)
        if self.tab == "decided":
            return Filters(decided_by=name)
        return Filters(state=() if self.state == ALL else (self.state,))

    @property
    def by_due(self) -> bool:
        """Whether what is due next stands first; what is over is told newest first."""
        return self.tab == "mine" or (self.tab == "all" and self.state == State.OPEN)

    def url(self, **changes: str) -> str:
        """The address of this list with some things changed."""
        kept = {"tab": self.tab} | ({"state": self.state} if self.tab == "all" else {}) | changes
        return f"{reverse('decide')}?{urlencode(kept)}"


@dataclass(frozen=True, slots=True)
class Tab:
    """One tab; `count` is empty where it does not matter."""

    label: str
    url: str
    here: bool
    count: str


@dataclass(frozen=True, slots=True)
class Option:
    """One state the list can be narrowed to."""

    value: str
    label: str
    chosen: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One question in the list."""

    id: UUID
    #: differs whenever something about the question did
    revision: str
    url: str
    case: str
    question: str
    why: str
    facts: str
    tone: str
    word: str
    by: str
    votes: str
    audience: str
    opened_at: datetime
    due_at: datetime | None
    otherwise: str
    decided_at: datetime | None


def tabs(wish: Wish, counts: Mapping[str, int]) -> list[Tab]:
    """The tabs with their counts, as far as they matter."""
    return [
        Tab(str(label), Wish(name, State.OPEN).url(), wish.tab == name, figure(counts[name]) if name in counts else "")
        for name, label in TABS.items()
    ]


def figure(count: int) -> str:
    """A count, honestly bounded."""
    return _("%(n)s+") % {"n": f"{MANY:,}"} if count > MANY else f"{count:,}"


def options(wish: Wish) -> list[Option]:
    """The states all questions can be narrowed to."""
    words_ = [(state, str(word).lower()) for state, (_tone, word) in STATES.items() if state != State.SENT_BACK]
    return [Option(state, word, wish.state == state) for state, word in [*words_, (ALL, _("any"))]]


def lines(found: Iterable[Asked]) -> list[Line]:
    """The questions in words."""
    return [_line(asked) for asked in found]


def _line(asked: Asked) -> Line:
    row = asked.approval
    tone, word = STATES[row.state]
    return Line(
        id=row.id,
        revision=f"{row.state} {len(row.votes)}",
        url=reverse("decision", args=[row.id]),
        case=case(asked),
        question=row.question,
        why="; ".join(reason.words for reason in reasons(asked) if reason.holds),
        facts=_facts(asked),
        tone=tone,
        word=str(word),
        by=by(row),
        votes=votes(row),
        audience=row.audience,
        opened_at=row.opened_at,
        due_at=row.due_at if row.open else None,
        otherwise=otherwise(row),
        decided_at=row.decided_at,
    )


def case(asked: Asked) -> str:
    """What it is about: "Order 536365"."""
    return f"{capital(noun(asked))} {asked.approval.key}"


def noun(asked: Asked) -> str:
    """What the process calls its instances."""
    return asked.definition.noun if asked.definition else words(asked.approval.scope)


def _facts(asked: Asked) -> str:
    """The values the instance can be found by, as far as the viewer may see them."""
    shown = asked.instance.attributes if asked.instance else {}
    told = [f"{capital(words(name))} {plain(value)}" for name, value in shown.items() if value not in (None, MASK)]
    return " · ".join(told[:MOST_FACTS])


def votes(row: ApprovalRow) -> str:
    """How many have approved, where one is not enough."""
    return _("%(got)d of %(needed)d approved") % {"got": row.got, "needed": row.quorum} if row.quorum > 1 else ""


def by(row: ApprovalRow) -> str:
    """Who or what settled it."""
    if row.decided_by:
        return _("by %(name)s") % {"name": row.decided_by}
    if row.state == State.TIMED_OUT:
        return _("approved without a decision") if row.default_outcome == APPROVE else _("rejected without a decision")
    return ""


def otherwise(row: ApprovalRow) -> str:
    """What follows when nobody decides in time, in a word."""
    return _("then approved") if row.default_outcome == APPROVE else _("then rejected")


def teams(groups: Iterable[str], roles: Iterable[str]) -> str:
    """The groups a person belongs to that are no roles."""
    return ", ".join(sorted(set(groups) - set(roles)))
