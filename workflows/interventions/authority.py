"""Who may do what: one function answers "allowed, or why not" for pages, API, commands and policies alike."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

#: What each capability lets a person do, in words for *My permissions*.
CAPABILITIES = {
    "read": "see instances, their status and history",
    "payload": "see personal fields of inputs and results",
    "start": "start instances",
    "approve": "decide what they are asked to approve",
    "retry": "try failed work again",
    "skip": "skip steps that cannot go on",
    "complete": "enter the result of a step by hand",
    "signal": "hand an answer to an instance that waits for it",
    "reassign": "give instances to another owner",
    "pause": "pause and resume instances",
    "cancel": "cancel instances and correct what was done",
    "compensate": "correct what was done, also after the end",
    "repair": "look after causes of trouble and unmatched callbacks",
    "reset": "let a circuit breaker try its dependency again",
    "force": "hold circuit breakers open or closed",
    "tune": "change the rules of circuit breakers",
    "intake": "stop and resume taking in new instances",
    "rollout": "choose the version that new instances take",
    "audit": "read and export who did what",
    "subscribe": "manage subscriptions to published events",
    "govern": "manage people, roles and tokens",
    "faults": "turn the fault dials of the demonstration",
}

_READERS = frozenset({"read", "start"})
_OPERATORS = _READERS | {
    "payload", "retry", "skip", "complete", "signal", "reassign", "pause", "cancel", "compensate", "repair", "reset",
    "force", "intake", "audit", "faults",
}  # fmt: skip

#: Role (Django group) to capabilities.
ROLES = {
    "support": _READERS,
    "approver": _READERS | {"payload", "approve"},
    "operator": _OPERATORS,
    "admin": frozenset(CAPABILITIES),
}

#: The capability each action needs; one of the same name, unless it is said here.
NEEDS = {name: name for name in CAPABILITIES} | {
    "resume": "pause",
    "reject": "approve",
    "hold-open": "force",
    "hold-closed": "force",
    "release": "force",
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
