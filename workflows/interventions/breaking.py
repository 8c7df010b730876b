"""What may be done to a circuit breaker: reset it, hold it open or closed for a while, release it, tune its rule.

1. May the actor do it? A refusal is recorded and explained.
2. Is there a reason, and does a hold end soon enough?
3. The breaker changes under its lock, with its transition and the audit row in the same transaction.
4. Every process hears of it within a quarter of a second, every open page after the commit.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

from django.db import transaction

from breakers import operations, policies
from breakers.machine import WORDS, BadPolicy, Hold, NotNow, Policy, Stand, State
from breakers.operations import Moved, UnknownBreaker
from workflows import audit
from workflows.audit import Act
from workflows.engine import clock, gate, news
from workflows.interventions.acts import AllowedAction
from workflows.interventions.authority import Principal, may, viewer
from workflows.interventions.errors import Forbidden, Impossible, InterventionError, Odd, ReasonMissing, Unknown
from workflows.queries import dependencies

#: How long a hold lasts unless somebody says until when, and at most.
USUALLY, LONGEST = timedelta(hours=1), timedelta(days=7)
#: A second hold that differs by less than this is the same one, sent twice.
_TWICE = timedelta(minutes=1)
HOLDS = {"hold-open": State.HELD_OPEN, "hold-closed": State.HELD_CLOSED}
ACTIONS = ("reset", *HOLDS, "release")

_Words = dict[str, Any]


@dataclass(frozen=True)
class _Done:
    """What an act changed, in words for the audit, and what has to be told after the commit."""

    before: _Words
    after: _Words
    tell: Callable[[], None]


def act(
    principal: Principal,
    action: str,
    name: str,
    *,
    reason: str,
    until: datetime | None = None,
    correlation_id: str = "",
) -> None:
    """Reset, hold-open, hold-closed or release the breaker of a dependency. `until` is for holds only.

    Raises Unknown (no such breaker or action), Forbidden, ReasonMissing, Odd (a hold that does not end in time) or
    Impossible (with the reason). Every refusal is recorded in the audit.
    """
    if action not in ACTIONS:
        raise Unknown(f"There is no action {action!r}; there are {', '.join(ACTIONS)}.")
    _carry_out(principal, action, name, reason, correlation_id, partial(_move, principal, action, name, until))


def tune(principal: Principal, name: str, changes: Mapping[str, Any], *, reason: str, correlation_id: str = "") -> None:
    """Change parts of a breaker's rule; None takes a part back to what the dependency declares.

    Raises Unknown, Forbidden, ReasonMissing, Odd (naming the part) or Impossible. Every refusal is recorded.
    """
    _carry_out(principal, "tune", name, reason, correlation_id, partial(_tune, name, changes))


def allowed_actions(principal: Principal, state: State) -> list[AllowedAction]:
    """Everything that can be asked of a breaker in this state, with its verdict."""
    answers = []
    for action in (*ACTIONS, "tune"):
        verdict = may(principal, action)
        refusal = verdict.reason if not verdict.allowed else _senseless(action, state)
        answers.append(AllowedAction(action, not refusal, refusal))
    return answers


def _senseless(action: str, state: State) -> str:
    if action == "reset" and state in HOLDS.values():
        return "Somebody holds it; a hold ends by being released."
    if action == "reset" and state is not State.OPEN:
        return f"It is {WORDS[state]}, so there is nothing to reset."
    if action == "release" and state not in HOLDS.values():
        return f"Nobody holds it; it is {WORDS[state]}."
    return ""


def _carry_out(
    principal: Principal, action: str, name: str, reason: str, correlation_id: str, do: Callable[[str], _Done]
) -> None:
    if not dependencies.has_breaker(name):
        raise Unknown("There is no such breaker.")
    recorded = Act(principal.kind, principal.name, action, principal.through, correlation_id, reason.strip())
    try:
        _check(principal, recorded, name)
        with transaction.atomic():
            done = do(recorded.reason)
            audit.record(recorded, allowed=True, target=name, before=done.before, after=done.after)
            transaction.on_commit(done.tell, robust=True)
    except UnknownBreaker as error:
        raise Unknown("There is no such breaker.") from error
    except InterventionError as refusal:
        audit.record(recorded, allowed=False, refusal=str(refusal), target=name)
        raise


def _check(principal: Principal, recorded: Act, name: str) -> None:
    """Raises the refusal. Whoever may not see the dependency learns only that there is none."""
    verdict = may(principal, recorded.action)
    if not verdict.allowed:
        visible = may(principal, "read").allowed or dependencies.is_visible(viewer(principal), name)
        raise Forbidden(verdict.reason) if visible else Unknown("There is no such breaker.")
    if not 1 <= len(recorded.reason) <= 2000:
        raise ReasonMissing("Please give a reason (up to 2,000 characters).")


def _move(principal: Principal, action: str, name: str, until: datetime | None, reason: str) -> _Done:
    now = clock.read()
    if until is not None and action not in HOLDS:
        raise Odd("until", "is for holds only")
    by: dict[str, Any] = {"actor": principal.name, "reason": reason}
    try:
        if action in HOLDS:
            wanted = Hold(principal.name, reason, _end(until, now))
            moved = operations.hold(name, HOLDS[action], wanted.until, now, **by)
            _refuse_the_same(moved, wanted)
        else:
            moved = (operations.reset if action == "reset" else operations.release)(name, now, **by)
    except NotNow as error:
        raise Impossible(f"The breaker of {name} cannot do that now: {error}.") from error
    return _Done(_words(moved.before), _words(moved.after), partial(gate.moved, moved))


def _end(until: datetime | None, now: datetime) -> datetime:
    end = until if until is not None else now + USUALLY
    if end <= now:
        raise Odd("until", "has to lie ahead")
    if end > now + LONGEST:
        raise Odd("until", "may be at most 7 days ahead")
    return end


def _refuse_the_same(moved: Moved, wanted: Hold) -> None:
    """A form that was sent twice holds once. Raising undoes the second."""
    was = moved.before.hold
    if was is None or moved.before.state is not moved.after.state or (was.by, was.reason) != (wanted.by, wanted.reason):
        return
    if abs(was.until - wanted.until) < _TWICE:
        raise Impossible(f"You hold it {moved.before.state.removeprefix('held_')} already.")


def _tune(name: str, changes: Mapping[str, Any], reason: str) -> _Done:
    try:
        before, after = operations.tune(name, changes)
    except BadPolicy as error:
        raise Odd(error.field, error.message) from error
    was, became = _different(before, after)
    if not became:
        raise Impossible("The rule says so already.")
    return _Done(was, became, partial(news.breaker, name, dependencies.generation(name)))


def _different(before: Policy, after: Policy) -> tuple[_Words, _Words]:
    was, became = policies.dump(before), policies.dump(after)
    changed = [part for part in was if was[part] != became[part]]
    return {part: was[part] for part in changed}, {part: became[part] for part in changed}


def _words(stand: Stand) -> _Words:
    """How a breaker stands, for the audit."""
    words: _Words = {"state": WORDS[stand.state]}
    if stand.hold is not None:
        words |= {"by": stand.hold.by, "until": stand.hold.until.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S UTC")}
    return words
