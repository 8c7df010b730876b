"""What a check says: which invariant, about whom, and what is wrong, in words an operator can act on."""

from __future__ import annotations

from dataclasses import dataclass

#: Every invariant that is checked, in a sentence.
INVARIANTS = {
    "I01": "every live instance has a next cause, or a person is named",
    "I02": "runnable work is picked up",
    "I03": "no dead lease",
    "I04": "timers fire on time and never early",
    "I05": "overdue waits and questions expire",
    "I06": "what has ended is quiet",
    "I07": "one terminal event per generation, its last, agreeing with the state",
    "I08": "history without gaps",
    "I09": "the history's hash chain is intact",
    "I10": "one success event per success, with one result",
    "I11": "only the newest token committed",
    "I12": "at most one live attempt per step, and none that nobody wants",
    "I13": "attempts are numbered and capped",
    "I14": "one idempotency key per step, generation and direction, and no key twice",
    "I15": "nothing started before what it needs had ended",
    "I16": "joins fire: what may begin has begun",
    "I17": "a satisfied wait has exactly one message, and the other way round",
    "I18": "no lost wake-up: whoever waits has an open wait, and no message lies beside it",
    "I19": "every message has a disposition",
    "I20": "message and time-out never both win",
    "I21": "a question is settled once, and the step agrees",
    "I22": "a quorum of distinct people decides, none of whom had a hand in it, about what was asked",
    "I23": "every effect of an instance that is being corrected is covered",
    "I24": "corrections run in reverse order, and only for what happened",
    "I25": "a failed correction is visible and owned",
    "I26": "the outbox is complete, in order and not late",
    "I27": "nothing is announced that did not happen",
    "I28": "breakers move only as they may, one generation after the other",
    "I29": "no more probes than the rule allows, and no calls while a breaker is open",
    "I30": "breakers try again, holds run out, and what was held up comes back",
    "I31": "no idempotent request is stuck in progress",
    "I32": "the version is pinned",
    "I33": "what people and policies did is on record: sealed, with actor, reason and trace in the history",
    "I34": "the stored state is the fold of the history",
    "I35": "the sweeper ticks",
    "I36": "child and parent agree",
}


@dataclass(frozen=True, slots=True)
class Offender:
    """One place where an invariant does not hold. `subject` names the instance (or message, event, duty)."""

    invariant: str
    subject: str
    problem: str


@dataclass(frozen=True, slots=True)
class Verdict:
    """One invariant: the offenders, or why it could not be judged (empty: it was)."""

    invariant: str
    offenders: tuple[Offender, ...]
    not_judged: str = ""

    @property
    def state(self) -> str:
        """holds, broken or not judged."""
        if self.offenders:
            return "broken"
        return "not judged" if self.not_judged else "holds"


@dataclass(frozen=True, slots=True)
class Report:
    """All verdicts, and how much was looked at."""

    verdicts: tuple[Verdict, ...]
    instances: int
    events: int

    @property
    def clean(self) -> bool:
        """Whether no invariant is broken."""
        return not any(verdict.offenders for verdict in self.verdicts)
