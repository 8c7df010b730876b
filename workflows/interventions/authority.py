"""Who may do what: one function answers "allowed, or why not" for pages, API, commands and policies alike."""

from __future__ import annotations

from dataclasses import dataclass

from workflows.queries.visibility import Viewer

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

#: what concerns no workflow: a role for one workflow does not give it
INSTALLATION = frozenset({"reset", "force", "tune", "subscribe", "govern", "faults"})

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
    "replay": "subscribe",
    "export": "audit",
    "take": "repair",
    "note": "repair",
    "mark": "repair",
    "apply": "repair",
    "ignore": "repair",
}


@dataclass(frozen=True)
class Principal:
    """Who is acting: kind is user, client, policy or system; `through` is page, api, command or engine."""

    kind: str
    name: str
    #: what they may do in every workflow, and where no workflow is concerned
    capabilities: frozenset[str]
    through: str = "page"
    #: further pairs of workflow and capability: what they may do there only
    scoped: frozenset[tuple[str, str]] = frozenset()

    def everywhere(self, capability: str) -> bool:
        """Whether they have it for all workflows."""
        return capability in self.capabilities

    def within(self, capability: str) -> frozenset[str]:
        """The workflows for which they have it by a role for that workflow."""
        return frozenset(workflow for workflow, granted in self.scoped if granted == capability)


@dataclass(frozen=True)
class Verdict:
    """Allowed, or a sentence that says why not."""

    allowed: bool
    reason: str = ""


def may(principal: Principal, action: str, workflow: str | None = None) -> Verdict:
    """Whether the principal may do this in the workflow; without one: in every workflow, and installation-wide.

    Raises KeyError for an action nobody declared.
    """
    needed = NEEDS[action]
    if needed in principal.capabilities or (workflow is not None and (workflow, needed) in principal.scoped):
        return Verdict(True)
    return Verdict(False, _refusal(principal, action, workflow))


def may_somewhere(principal: Principal, action: str) -> Verdict:
    """Whether the principal may do this in at least one workflow: what opens a page, never what lets an act through."""
    if principal.within(NEEDS[action]):
        return Verdict(True)
    return may(principal, action)


def viewer(principal: Principal, action: str = "read") -> Viewer:
    """What the principal sees: workflows they may read and, for another action, in which they may do that as well."""
    return Viewer(
        _workflows(principal, "read", NEEDS[action]),
        _workflows(principal, "payload"),
    )


def _workflows(principal: Principal, *capabilities: str) -> frozenset[str] | None:
    """The workflows for which the principal has all of these; None for every workflow."""
    found: frozenset[str] | None = None
    for capability in capabilities:
        if not principal.everywhere(capability):
            mine = principal.within(capability)
            found = mine if found is None else found & mine
    return found


def _refusal(principal: Principal, action: str, workflow: str | None) -> str:
    needed = NEEDS[action]
    roles = " or ".join(role for role, capabilities in ROLES.items() if needed in capabilities)
    sentence = f"{action.capitalize()} needs the right to {CAPABILITIES[needed]} ({roles})"
    elsewhere = sorted(principal.within(needed))
    return f"{sentence}; you have it for {', '.join(elsewhere)} only." if elsewhere else f"{sentence}."


def client(name: str, capabilities: frozenset[str]) -> Principal:
    """A program that is not a person."""
    return Principal("client", name, capabilities, "api")


def policy(name: str) -> Principal:
    """An automatic rule that acts under its own name."""
    return Principal("policy", name, frozenset({"retry", "compensate", "cancel", "pause"}), "engine")


def system(name: str = "intake") -> Principal:
    """The product itself: starts from files and the demonstration's trickle."""
    return Principal("system", name, frozenset({"start", "read"}), "command")
