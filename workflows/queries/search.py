"""The one search box: finds instances by whatever number somebody has in front of them.

Order number (from its beginning, any case, stray spaces), instance id, correlation id, idempotency key, external
reference or webhook id of a callback, and attributes such as the customer. Several may be pasted at once.
"""

from __future__ import annotations

import re
from contextlib import suppress
from functools import reduce
from operator import or_
from uuid import UUID

from django.conf import settings
from django.db.models import Q

from workflows import registry
from workflows.models import Message, Wait

#: more pasted numbers than this are ignored
MAX_TERMS = 50
#: instances one reference can lead to
MAX_FOUND = 100
_KEY = re.compile(r"^[^/\s]+/(?P<key>[^/]+)/r\d+/")


def terms(text: str) -> list[str]:
    """What was pasted, piece by piece."""
    return [term.lstrip("#") for term in re.split(r"[\s,;]+", text.replace("\x00", "")) if term.lstrip("#")][:MAX_TERMS]


def matching(text: str) -> Q:
    """Instances that any of the pasted pieces belongs to; nothing matches an empty text."""
    found = [_one(term) for term in terms(text)]
    return reduce(or_, found) if found else Q(id__in=[])


def _one(term: str) -> Q:
    spellings = sorted({term, term.upper(), term.lower()})
    wanted = reduce(or_, [Q(key__startswith=spelling) for spelling in spellings]) | Q(correlation_id__in=spellings)
    as_key = _KEY.match(term)
    if as_key:
        wanted |= Q(key=as_key["key"])
    with suppress(ValueError):
        wanted |= Q(id=UUID(term))
    for name in _attributes():
        wanted |= any_of(name, term)
    beside = _of_callbacks(term)
    return wanted | Q(id__in=beside) if beside else wanted


def _of_callbacks(term: str) -> set[UUID]:
    """Instances whose callback has this reference or webhook id. Read first: a subquery beside `or` uses no index."""
    waits = Wait.objects.filter(message_type__in=_message_types(), match=term)
    messages = Message.objects.filter(source__in=settings.WEBHOOK_SECRETS, webhook_id=term, instance_id__isnull=False)
    found = [rows.values_list("instance_id", flat=True)[:MAX_FOUND] for rows in (waits, messages)]
    return {instance_id for rows in found for instance_id in rows if instance_id is not None}


def any_of(name: str, text: str) -> Q:
    """An attribute with this value, written as text or as the number or truth value it may be."""
    values: list[object] = [text]
    if re.fullmatch(r"-?\d{1,15}(\.\d{1,10})?", text):
        values.append(float(text) if "." in text else int(text))
    if text in ("true", "false", "null"):
        values.append({"true": True, "false": False, "null": None}[text])
    return reduce(or_, [Q(attributes__contains={name: value}) for value in values])


def _attributes() -> list[str]:
    return sorted({name for definition in registry.definitions().values() for name in definition.attributes})


def _message_types() -> list[str]:
    every = registry.definitions().values()
    return sorted({node.message for definition in every for node in definition.nodes if node.message})
