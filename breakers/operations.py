"""Changes breakers in the database: one row each, changed under its lock, with a transition row for every move.

Whoever loses a race finds the generation moved on; what it brought no longer counts, which is a normal answer.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.db import connection, transaction
from django.db.models import Case, F, When

from breakers import machine, policies
from breakers.machine import Change, Hold, Policy, Stand, State
from breakers.models import Breaker, Permit, Transition
from breakers.window import Tally, from_rows


class UnknownBreaker(LookupError):
    """No dependency of this name is declared."""


@dataclass(frozen=True, slots=True)
class Moved:
    """A breaker before and after; `cause` is empty when it stayed where it was."""

    name: str
    before: Stand
    after: Stand
    cause: str


def declare(declared: Mapping[str, Policy], now: datetime) -> None:
    """Make sure every declared dependency has a breaker, with the rule that its declaration gives."""
    for name, policy in declared.items():
        data = policies.dump(policy)
        Breaker.objects.bulk_create([Breaker(name=name, since=now, declared=data)], ignore_conflicts=True)
        Breaker.objects.filter(name=name).exclude(declared=data).update(declared=data)


def policy_of(row: Breaker) -> Policy:
    """The rule in force: what is declared, with what an operator changed of it."""
    return policies.in_force(row.declared, row.tuned)


def stand_of(row: Breaker) -> Stand:
    """What the row remembers."""
    held = Hold(row.held_by, row.held_reason, row.held_until) if row.held_until else None
    return Stand(
        State(row.state), row.generation, row.consecutive, from_rows(row.window), row.reopened, row.probed,
        row.next_probe_at, held,
    )  # fmt: skip


def seen(name: str, tally: Tally, generation: int, refused: int, now: datetime) -> Moved:
    """Hand in what a process saw since it last did; `refused` calls were not made."""

    def change(stand: Stand, policy: Policy) -> Change:
        return machine.seen(stand, policy, tally, generation, now)

    with transaction.atomic():
        if refused:
            # Late ones of a breaker that lets calls pass again count in its total only.
            lately = Case(When(state__in=machine.PASSING, then=F("refused")), default=F("refused") + refused)
            Breaker.objects.filter(name=name).update(refused=lately, refused_total=F("refused_total") + refused)
        return _change(name, change, now, error=tally.error) if tally.calls else Moved(name, Stand(), Stand(), "")


def take_permit(name: str, generation: int, holder: UUID, length: timedelta, now: datetime) -> int | None:
    """The permit of one probe, or None: others probe already, or the breaker moved on."""
    with transaction.atomic():
        row = Breaker.objects.select_for_update().filter(name=name).first()
        if row is None or row.generation != generation or row.state != State.HALF_OPEN:
            return None
        Permit.objects.filter(breaker=name).exclude(generation=generation, expires_at__gt=now).delete()
        if Permit.objects.filter(breaker=name).count() >= policy_of(row).probes:
            return None
        permit = Permit(breaker=name, generation=generation, holder=holder, taken_at=now, expires_at=now + length)
        permit.save(force_insert=True)
        return int(permit.pk)


def probed(name: str, permit: int, generation: int, now: datetime, *, failed: bool, error: str = "") -> Moved:
    """A probe ended: its permit goes, its outcome counts."""
    with transaction.atomic():
        moved = _change(
            name, lambda stand, policy: machine.probed(stand, policy, generation, now, failed=failed), now, error=error
        )
        Permit.objects.filter(pk=permit).delete()
        return moved


def return_permit(permit: int) -> None:
    """The probe was not made after all."""
    Permit.objects.filter(pk=permit).delete()


def permit_of(name: str, holder: UUID) -> tuple[int, int] | None:
    """The oldest permit this process holds for the breaker, and its generation; None: it holds none."""
    found = Permit.objects.filter(breaker=name, holder=holder).order_by("taken_at", "id").first()
    return (int(found.pk), found.generation) if found else None


def upkeep(now: datetime) -> list[Moved]:
    """Let time pass for every breaker it matters to. Returns those that moved."""
    due = Breaker.objects.filter(next_probe_at__lte=now, state=State.OPEN).union(
        Breaker.objects.filter(held_until__lte=now)
    )
    moved = []
    for name in [row.name for row in due]:
        with transaction.atomic():
            moved.append(_change(name, lambda stand, policy: machine.passed(stand, now), now))
    Permit.objects.filter(expires_at__lt=now).delete()
    return [one for one in moved if one.cause]


def reset(name: str, now: datetime, *, actor: str, reason: str) -> Moved:
    """Probes may go now. Raises UnknownBreaker and machine.NotNow."""
    return _asked(name, lambda stand, policy: machine.reset(stand), now, actor, reason)


def hold(name: str, state: State, until: datetime, now: datetime, *, actor: str, reason: str) -> Moved:
    """Keep it open or closed until then. Raises UnknownBreaker."""
    by = Hold(actor, reason, until)
    return _asked(name, lambda stand, policy: machine.hold(stand, state, by), now, actor, reason)


def release(name: str, now: datetime, *, actor: str, reason: str) -> Moved:
    """End the hold. Raises UnknownBreaker and machine.NotNow."""
    return _asked(name, lambda stand, policy: machine.release(stand), now, actor, reason)


def tune(name: str, changes: Mapping[str, Any]) -> tuple[Policy, Policy]:
    """Change parts of the rule; None takes a part back to what is declared. Returns the rule before and after.

    Raises UnknownBreaker and BadPolicy.
    """
    with transaction.atomic():
        row = _locked(name)
        before = policy_of(row)
        tuned, after = policies.retuned(row.declared, row.tuned, changes)
        Breaker.objects.filter(name=name).update(tuned=tuned)
        return before, after


def _asked(
    name: str, change: Callable[[Stand, Policy], Change], now: datetime, actor: str, reason: str
) -> Moved:  # fmt: skip
    with transaction.atomic():
        _locked(name)
        return _change(name, change, now, actor=actor, reason=reason)


def _locked(name: str) -> Breaker:
    row = Breaker.objects.select_for_update().filter(name=name).first()
    if row is None:
        raise UnknownBreaker(f"there is no breaker {name!r}")
    return row


def _change(
    name: str, change: Callable[[Stand, Policy], Change], now: datetime, *, actor: str = "", reason: str = "",
    error: str = "",
) -> Moved:  # fmt: skip
    """Lock, decide, save with the transition. Inside the caller's transaction. No such breaker: nothing happens."""
    assert connection.in_atomic_block
    row = Breaker.objects.select_for_update().filter(name=name).first()
    if row is None:
        return Moved(name, Stand(), Stand(), "")
    before = stand_of(row)
    changed = change(before, policy_of(row))
    after = changed.stand
    if after == before:
        return Moved(name, before, after, "")
    _save(row, after, moved=bool(changed.cause), error=error, now=now)
    if changed.cause:
        Transition.objects.create(
            breaker=name, generation=after.generation, at=now, was=before.state, became=after.state,
            cause=changed.cause, actor=actor, reason=reason,
        )  # fmt: skip
        Permit.objects.filter(breaker=name).delete()
    return Moved(name, before, after, changed.cause)


def _save(row: Breaker, stand: Stand, *, moved: bool, error: str, now: datetime) -> None:
    values: dict[str, Any] = {
        "state": stand.state,
        "generation": stand.generation,
        "consecutive": stand.consecutive,
        "window": stand.window.rows(),
        "reopened": stand.reopened,
        "probed": stand.probed,
        "next_probe_at": stand.next_probe_at,
        "held_by": stand.hold.by if stand.hold else "",
        "held_reason": stand.hold.reason if stand.hold else "",
        "held_until": stand.hold.until if stand.hold else None,
    }
    if moved:
        values["since"] = now
    if moved and stand.state in machine.PASSING:
        values["refused"] = 0
    if error:
        values["last_error"] = error[:500]
    Breaker.objects.filter(name=row.name).update(**values)
