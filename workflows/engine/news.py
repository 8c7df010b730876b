"""Tells whoever subscribed in the settings that something changed; ids and revisions only, never content."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache
from uuid import UUID

from django.conf import settings
from django.utils.module_loading import import_string

from breakers.queries import news_id
from workflows.queries import governance

#: the id under which changes are told that belong to no instance, such as a note or a stray message
NOBODY = UUID(int=0)
Subscriber = Callable[[Sequence[tuple[str, int]]], None]


@cache
def _subscribers() -> tuple[Subscriber, ...]:
    return tuple(import_string(path) for path in getattr(settings, "WORKFLOW_SUBSCRIBERS", ()))


def changed(instance_id: UUID, revision: int) -> None:
    """Pass a committed change upward. Subscribers neither block nor raise."""
    for subscriber in _subscribers():
        subscriber([(str(instance_id), revision)])


def breaker(name: str, generation: int) -> None:
    """Pass a committed change of a breaker upward, under the breaker's own id."""
    for subscriber in _subscribers():
        subscriber([(str(news_id(name)), generation)])


def operation(operation_id: UUID, stage: int) -> None:
    """Pass a committed change of an operation upward, under the operation's own id."""
    changed(operation_id, stage)


def decided(workflow: str) -> None:
    """Tell that somebody decided about a whole workflow, or that such a decision ended."""
    changed(governance.news_id(workflow), 0)


def board() -> None:
    """Tell that lists and boards changed although no instance did."""
    changed(NOBODY, 0)
