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

from django.db.models import Q

from workflows import registry
from workflows.models import Message, Wait

#: more pasted numbers than this are ignored
MAX_TERMS = 50
_KEY = re.compile(r"^[^/\s]+/(?P<key>[^/]+)/r\d+/")


def terms(text: str) -> list[str]:
    """What was pasted, piece by piece."""
    return [term.lstrip("#") for term in re.split(r"[\s,;]+", text.replace("\x00", "")) if term.lstrip("#")][:MAX_TERMS]


def matching(text: str) -> Q:
    """Instances that any of the pasted pieces belongs to; nothing matches an empty text."""
    found = [_one(term) for term in terms(text)]
    return reduce(or_, found) if found else Q(id__in=[])


def _one(term: str) -> Q:
    wanted = reduce(or_, [Q(key__startswith=spelling) for spelling in sorted({term, term.upper(), term.lower()})])
    wanted |= Q(correlation_id=term)
    as_key = _KEY.match(term)
    if as_key:
        wanted |= Q(key=as_key["key"])
    with suppress(ValueError):
        wanted |= Q(id=UUID(term))
    for name in _attributes():
        wanted |= any_of(name, term)
    by_wait = Wait.objects.filter(message_type__in=_message_types(), match=term).values("instance_id")
    by_message = Message.objects.filter(webhook_id=term, instance_id__isnull=False).values("instance_id")
    return wanted | Q(id__in=by_wait) | Q(id__in=by_message)


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
