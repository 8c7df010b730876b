"""The card of one question: what is asked and why, the evidence, what each answer leads to, and how it stands."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from uuid import UUID

from django.urls import reverse
from django.utils.translation import gettext as _

from approvals.queries import ApprovalRow
from approvals.rules import APPROVE
from console.presenters.bodies import Field, fields
from console.presenters.decide.effects import Approving, Rejecting, approving, rejecting
from console.presenters.decide.queue import STATES, by, case, noun, votes
from console.presenters.decide.reasons import Reason, reasons
from console.presenters.names import amount_in, currency_in, money, step_name
from console.presenters.tones import status_words, tone
from console.statuswords import capital
from workflows.interventions import Verdict
from workflows.queries.approvals import Card
from workflows.queries.instances import InstanceRow


@dataclass(frozen=True, slots=True)
class Exhibit:
    """One piece of evidence. Without fields it was skipped, or has been removed."""

    title: str
    fields: list[Field]


@dataclass(frozen=True, slots=True)
class Said:
    """What one person said."""

    tone: str
    words: str
    comment: str
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class DecisionPage:
    """Everything the page shows. What was typed and why it was not done come back with it."""

    row: ApprovalRow
    instance: InstanceRow | None
    case: str
    noun: str
    tone: str
    word: str
    by: str
    #: the sum it is about, empty if none is named
    sum: str
    reasons: list[Reason]
    exhibits: list[Exhibit]
    #: empty once it is settled, or where no code knows what would follow
    approving: Approving | None
    rejecting: Rejecting | None
    said: list[Said]
    votes: str
    approved_by_default: bool
    #: mark and words of how the instance stands now
    now_tone: str
    now_word: str
    verdict: Verdict
    #: how many other questions wait for this person, and the next of them
    waiting: int
    next_url: str
    everything: bool
    typed: str = ""
    error: str = ""

    @property
    def offered(self) -> bool:
        """Whether the person gets buttons; otherwise the reason why not."""
        return self.row.open and self.verdict.allowed

    @property
    def instance_url(self) -> str:
        """The page of what it is about."""
        return reverse("instance-by-id", args=[self.row.subject])

    @property
    def all_url(self) -> str:
        """This page with long lists in full."""
        return "?all"

    def answered(self, typed: str, error: str) -> DecisionPage:
        """The same with the form as it was sent and the reason why it was not done."""
        return replace(self, typed=typed, error=error)


def page(
    card: Card, verdict: Verdict, *, waiting: int, following: UUID | None, everything: bool, now: datetime
) -> DecisionPage:
    """The page as of `now`."""
    asked, detail = card.asked, card.detail
    row, definition = asked.approval, asked.definition
    mark, word = STATES[row.state]
    ahead = row.open and detail is not None and definition is not None
    return DecisionPage(
        row=row,
        instance=asked.instance,
        case=case(asked),
        noun=noun(asked),
        tone=mark,
        word=str(word),
        by=by(row),
        sum=_sum(card),
        reasons=reasons(asked),
        exhibits=[_exhibit(card, name, everything=everything) for name in card.evidence],
        approving=approving(row, detail, definition, now) if ahead and detail and definition else None,
        rejecting=rejecting(row, detail, definition, now) if ahead and detail and definition else None,
        said=[_said(vote.person, vote.verdict, vote.comment, vote.at) for vote in row.votes],
        votes=votes(row),
        approved_by_default=row.default_outcome == APPROVE,
        now_tone=tone(asked.instance) if asked.instance else "",
        now_word=status_words(asked.instance) if asked.instance else "",
        verdict=verdict,
        waiting=waiting,
        next_url=reverse("decision", args=[following]) if following else "",
        everything=everything,
    )


def _sum(card: Card) -> str:
    """How much money it is about, from the first piece of evidence that says so."""
    currency = next(filter(None, map(currency_in, card.evidence.values())), "")
    for shown in card.evidence.values():
        amount = amount_in(shown)
        if amount is not None:
            return money(amount, currency)
    return ""


def _exhibit(card: Card, name: str, *, everything: bool) -> Exhibit:
    definition = card.asked.definition
    if definition is not None and name == definition.given:
        title = _("The %(noun)s as it came in") % {"noun": definition.noun}
    else:
        title = capital(step_name(definition, name))
    return Exhibit(title, fields(card.evidence[name], everything=everything))


def _said(person: str, verdict: str, comment: str, at: datetime) -> Said:
    if verdict == APPROVE:
        return Said("ok", _("%(person)s approved") % {"person": person}, comment, at)
    return Said("failed", _("%(person)s rejected") % {"person": person}, comment, at)
