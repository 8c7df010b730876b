"""Who may do what: one function answers "allowed, or why not" for pages, API, commands and policies alike."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

#: What each capability lets a person do, in words for *My permissions*.
CAPABILITIES = {
    "read": "see instances, their status and history",
    "payload": "see personal fields of inputs and results",
    "start": "start instances",
    "retry": "try failed work again",
    "pause": "pause and resume instances",
    "cancel": "cancel instances and correct what was done",
    "compensate": "correct what was done, also after the end",
    "subscribe": "manage subscriptions to published events",
    "faults": "turn the fault dials of the demonstration",
}

_READERS = frozenset({"read", "start"})
_OPERATORS = frozenset({"read", "payload", "start", "retry", "pause", "cancel", "compensate", "faults"})

#: Role (Django group) to capabilities.
ROLES = {
    "support": _READERS,
    "approver": _READERS | {"payload"},
    "operator": _OPERATORS,
    "admin": frozenset(CAPABILITIES),
}

#: The capability each action needs.
NEEDS = {
    "start": "start",
    "retry": "retry",
    "pause": "pause",
    "resume": "pause",
    "cancel": "cancel",
    "compensate": "compensate",
    "subscribe": "subscribe",
    "faults": "faults",
    "read": "read",
    "payload": "payload",
}


@dataclass(frozen=True)
class Principal:
    """Who is acting: kind is user, client, policy or system; `through` is page, api, command or engine."""

    kind: str
    name: str
    capabilities: frozenset[str]
    through: str = "page"


@dataclass(frozen=True)
class Verdict:
    """Allowed, or a sentence that says why not."""

    allowed: bool
    reason: str = ""


def may(principal: Principal, action: str) -> Verdict:
    """Whether the principal may do this. Raises KeyError for an action nobody declared."""
    needed = NEEDS[action]
    if needed in principal.capabilities:
        return Verdict(True)
    roles = [role for role, capabilities in ROLES.items() if needed in capabilities]
    return Verdict(False, f"{action.capitalize()} needs the right to {CAPABILITIES[needed]} ({' or '.join(roles)}).")


def user(account: Any, through: str = "page") -> Principal:
    """The principal of a signed-in Django user: the union of their groups' capabilities; a superuser has all."""
    if not account.is_active:
        return Principal("user", account.get_username(), frozenset(), through)
    roles = ["admin"] if account.is_superuser else [group.name for group in account.groups.all()]
    granted: frozenset[str] = frozenset().union(*(ROLES.get(role, frozenset()) for role in roles))
    return Principal("user", account.get_username(), granted, through)


def client(name: str, capabilities: frozenset[str]) -> Principal:
    """A program that is not a person."""
    return Principal("client", name, capabilities, "api")


def policy(name: str) -> Principal:
    """An automatic rule that acts under its own name."""
    return Principal("policy", name, frozenset({"retry", "compensate", "cancel", "pause"}), "engine")


def system(name: str = "intake") -> Principal:
    """The product itself: starts from files and the demonstration's trickle."""
    return Principal("system", name, frozenset({"start", "read"}), "command")
