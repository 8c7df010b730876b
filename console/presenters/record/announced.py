"""Tells published events: what was announced about which case, and who has received it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from django.urls import reverse
from django.utils.translation import gettext as _

from console.presenters.bodies import Field, fields
from console.presenters.record.asked import Asked, Select, select
from console.statuswords import capital, words
from workflows.dsl.definition import Definition
from workflows.queries.published import Parcel, PublishedRow


@dataclass(frozen=True, slots=True)
class Receiver:
    """One subscriber and how the event stands there."""

    tone: str
    words: str
    note: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One published event."""

    id: str
    at: datetime
    title: str
    type: str
    what: str
    url: str
    receivers: list[Receiver]
    fields: list[Field]
    correlation_id: str
    correlation_url: str


def lines(rows: Iterable[PublishedRow], definitions: Iterable[Definition], asked: Asked) -> list[Line]:
    """The events in words."""
    nouns = {one.name: one.noun for one in definitions}
    audit = Asked("audit", {}, "", (), asked.audit)
    return [_line(row, nouns, audit) for row in rows]


def _line(row: PublishedRow, nouns: Mapping[str, str], audit: Asked) -> Line:
    event = row.event
    return Line(
        id=str(event.id),
        at=event.at,
        title=capital(words(event.type)),
        type=f"{event.type} {event.schema_version}",
        what=f"{capital(nouns.get(event.workflow, event.workflow))} {event.subject}",
        url=reverse("instance-by-id", args=[row.instance_id]),
        receivers=[_receiver(parcel) for parcel in row.parcels],
        fields=fields(event.data),
        correlation_id=event.correlation_id,
        correlation_url=audit.url(correlation=event.correlation_id) if event.correlation_id else "",
    )


def _receiver(parcel: Parcel) -> Receiver:
    name = {"name": parcel.subscriber}
    if parcel.state == "delivered":
        return Receiver("ok", _("%(name)s has it") % name, "")
    if parcel.state == "dead":
        return Receiver("failed", _("%(name)s: given up") % name, parcel.error)
    if parcel.attempts:
        return Receiver("held", _("%(name)s: tried again") % name, parcel.error)
    return Receiver("wait", _("%(name)s: on its way") % name, "")


def selects(asked: Asked, definitions: Iterable[Definition]) -> dict[str, Select]:
    """The filters of the sentence."""
    known = list(definitions)
    types = {node.event.__name__ for one in known for node in one.nodes if node.event is not None}
    named = [(name, capital(words(name))) for name in sorted(types)]
    return {
        "type": select(asked, "type", _("Type of event"), _("every event"), named),
        "workflow": select(asked, "workflow", _("Process"), _("anything"), [(d.name, f"{d.noun}s") for d in known]),
    }
