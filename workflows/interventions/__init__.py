"""The one door for whatever a person or a policy may do: permission, reason, audit row and wake-up, once."""

from workflows.engine.intake import InvalidInput
from workflows.engine.releases import IntakePaused
from workflows.interventions.acts import ACTIONS, AllowedAction, StepChoice, act, allowed_actions
from workflows.interventions.authority import (
    CAPABILITIES,
    INSTALLATION,
    Principal,
    Verdict,
    client,
    may,
    may_somewhere,
    policy,
    system,
    viewer,
)
from workflows.interventions.errors import (
    Forbidden,
    Impossible,
    InterventionError,
    Odd,
    ReasonMissing,
    Stale,
    Unknown,
)
from workflows.interventions.people import Limits, roles, user, users
from workflows.interventions.starting import start

__all__ = [
    "ACTIONS", "CAPABILITIES", "INSTALLATION", "AllowedAction", "Forbidden", "Impossible", "IntakePaused",
    "InterventionError", "InvalidInput", "Limits", "Odd", "Principal", "ReasonMissing", "Stale", "StepChoice",
    "Unknown", "Verdict", "act", "allowed_actions", "client", "may", "may_somewhere", "policy", "roles", "start",
    "system", "user", "users", "viewer",
]  # fmt: skip
