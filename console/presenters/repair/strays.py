"""Tells messages from outside: what they are, what became of them, for whom they might be and what they would do."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from urllib.parse import urlencode
from uuid import UUID

from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from console.presenters.bodies import Field, fields, size
from console.presenters.names import step_name
from console.presenters.repair.tabs import Asked, Choice, bounded
from console.standings import definition_of
from console.statuswords import capital, system, words
from workflows.dsl.definition import Definition
from workflows.queries.callbacks import MOST, CallbackRow
from workflows.queries.proposals import Effect, Proposal

#: what became of a message: its mark and its word
STATES = {
    "pending": ("wait", gettext_lazy("Nobody waits for it")),
    "conflicting": ("person", gettext_lazy("Contradicts an earlier one")),
    "invalid": ("failed", gettext_lazy("Cannot be read")),
    "late": ("held", gettext_lazy("Came too late")),
    "duplicate": ("skipped", gettext_lazy("Says the same again")),
    "ignored": ("cancelled", gettext_lazy("Set aside")),
    "applied": ("ok", gettext_lazy("Taken into account")),
}
#: values of a body that are shown without asking
WHOLE = 400
#: what one should look at; the rest is there to be found
OPEN = ("pending", "conflicting", "invalid")


@dataclass(frozen=True, slots=True)
class Offer:
    """One instance the message might be for. It can be chosen only if handing it over would decide something."""

    id: str
    key: str
    url: str
    why: str
    effect: str
    possible: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Stray:
    """One message."""

    id: str
    anchor: str
    title: str
    key: str
    tone: str
    word: str
    note: str
    received_at: datetime
    body: list[Field]
    #: the message as programs see it, for a body that is too long for the page
    all_url: str
    offers: list[Offer]
    #: what can be done about it: handed over, set aside
    may_apply: bool
    may_ignore: bool
    #: the only sensible instance, chosen beforehand
    meant: str
    typed: str = ""
    other: str = ""
    error: str = ""
    opened: str = ""


def strays(rows: Sequence[CallbackRow], offered: Mapping[UUID, Sequence[Proposal]]) -> list[Stray]:
    """The messages in words."""
    return [_stray(row, offered.get(row.id, ())) for row in rows]


def reopened(
    found: Sequence[Stray], message_id: str, *, action: str, typed: str, other: str, error: str
) -> list[Stray]:
    """The same with one form open again, as it was sent, with the reason why it was not carried out."""
    return [
        replace(one, opened=action, typed=typed, other=other, error=error) if one.id == message_id else one
        for one in found
    ]


def choices(here: Asked, counts: Mapping[str, int]) -> list[Choice]:
    """The dispositions one can look at, with how many have them."""
    total = sum(counts.get(state, 0) for state in OPEN)
    found = [Choice(_("To be looked at"), here.url(state=""), not here.get("state"), bounded(total, MOST))]
    for state, (_tone, word) in STATES.items():
        count = bounded(counts.get(state, 0), MOST)
        found.append(Choice(str(word), here.url(state=state), here.get("state") == state, count))
    return [*found, Choice(_("Everything"), here.url(state="all"), here.get("state") == "all")]


def states(here: Asked) -> tuple[str, ...]:
    """The dispositions the address asks for; empty for all."""
    chosen = here.get("state")
    if chosen == "all":
        return ()
    return (chosen,) if chosen in STATES else OPEN


def _stray(row: CallbackRow, proposals: Sequence[Proposal]) -> Stray:
    tone, word = STATES.get(row.state, ("wait", row.state))
    offers = [_offer(proposal) for proposal in proposals]
    possible = [offer for offer in offers if offer.possible]
    waits = row.state == "pending" and any(one.how == "match" and one.step for one in proposals)
    return Stray(
        id=str(row.id),
        anchor=f"m{row.id.hex[-12:]}",
        title=_("%(what)s from %(source)s")
        % {"what": capital(words(row.type.replace(".", " "))), "source": row.source},
        key=row.key,
        tone=tone,
        word=_("Waits until it is resumed") if waits else str(word),
        note=row.note,
        received_at=row.received_at,
        body=fields(row.data, everything=size(row.data) <= WHOLE),
        all_url=f"/api/v1/callbacks?{urlencode({'type': row.type, 'key': row.key})}",
        offers=offers,
        may_apply=row.state != "applied",
        may_ignore=row.state not in ("applied", "ignored"),
        meant=possible[0].id if len(possible) == 1 else "",
    )


def _offer(proposal: Proposal) -> Offer:
    definition = definition_of(proposal.workflow, proposal.version)
    noun = definition.noun if definition else proposal.workflow
    return Offer(
        id=str(proposal.instance_id),
        key=f"{capital(noun)} {proposal.key}",
        url=reverse("instance-by-id", args=[proposal.instance_id]),
        why=_why(proposal, noun),
        effect=_effect(proposal, definition, noun),
        possible=proposal.possible,
    )


def _why(proposal: Proposal, noun: str) -> str:
    about = {"noun": noun, "field": words(proposal.field)}
    match proposal.how:
        case "match":
            return _("This %(noun)s waits for exactly this.") % about
        case "before":
            return _("It was for this %(noun)s when it came.") % about
        case "reference":
            return _("This %(noun)s waits for what the message calls “%(field)s”.") % about
    if proposal.field:
        return _("What the message calls “%(field)s” is the number of this %(noun)s.") % about
    return _("Its key is the number of this %(noun)s.") % about


def _effect(proposal: Proposal, definition: Definition | None, noun: str) -> str:
    """What handing it over would do, or why it would do nothing."""
    about = {"noun": noun, "key": proposal.key, "status": words(proposal.status)}
    if proposal.lifecycle == "paused":
        return _("This %(noun)s is paused; what comes in is kept until somebody resumes it.") % about
    if not proposal.step:
        return _("This %(noun)s waits for no such message now (%(status)s).") % about
    node = definition.by_name.get(proposal.step) if definition else None
    about["system"] = system(node.calls.name) if node and node.calls else step_name(definition, proposal.step)
    match proposal.effect:
        case Effect("accepted"):
            return _("Would decide what %(noun)s %(key)s waits for from %(system)s: accepted.") % about
        case Effect("refused", reason) if reason:
            template = _("Would decide what %(noun)s %(key)s waits for from %(system)s: refused (%(reason)s).")
            return template % {**about, "reason": reason}
        case Effect("refused"):
            return _("Would decide what %(noun)s %(key)s waits for from %(system)s: refused.") % about
        case Effect("invalid", reason) if reason:
            return _("Cannot be taken: its body breaks the contract (%(reason)s).") % {"reason": reason}
        case Effect():
            return _("Cannot be taken: its body breaks the contract.")
    return _("This process has no code for it.")
