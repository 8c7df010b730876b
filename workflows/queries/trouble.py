"""What makes two failures the same trouble: a system that does not answer, or one step and the kind of its error.

An outage is one cause, whichever steps and processes it stops: while another attempt may help, only the system counts.
Everything else is told apart by process, step and kind of error, because somebody has to look at it there.
See docs/why/an-outage-is-one-cause.md.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import reduce
from operator import or_

from django.db.models import Q, Value
from django.db.models.expressions import RawSQL
from django.db.models.lookups import Exact

from workflows.dsl.status import COMPENSATING

#: technical failures that are tried again, calls a breaker holds back, and steps whose attempts are used up
FAILING = "failing"
#: kinds of error besides FAILING, as `core.events.PersonAsked` calls them; `other` where the state says nothing
KINDS = (FAILING, "permanent", "asked", "unanswered", "unknown", "lost", "other")
#: narrow to corrections that fail, whatever the kind; and to everything but what a mended system lets go on at once
CORRECTION, APART = "correction", "apart"
ANY, _CORRECTION = "*", "~correction"


@dataclass(frozen=True, slots=True)
class Cause:
    """One cause of trouble. Workflow and step are `*` for a system that fails, whatever it was called for."""

    workflow: str
    step: str
    dependency: str
    kind: str
    #: it is the correction of the step that fails
    correcting: bool = False

    @property
    def key(self) -> str:
        """The cause as one text: what notes are kept under, and what addresses carry."""
        step = self.step + _CORRECTION * self.correcting
        return f"{self.workflow}/{step}/{self.dependency}/{self.kind}"

    @property
    def whole(self) -> bool:
        """Whether it is about a system as a whole."""
        return self.workflow == ANY


def cause_of(workflow: str, step: str, dependency: str, kind: str, *, correcting: bool) -> Cause:
    """The cause that an instance in trouble belongs to."""
    if kind == FAILING and dependency:
        return outage(dependency)
    return Cause(workflow, step, dependency, kind, correcting)


def outage(dependency: str) -> Cause:
    """The cause of everything that a system stops by not answering."""
    return Cause(ANY, ANY, dependency, FAILING)


def parse(key: str) -> Cause | None:
    """The cause with this key; None for a text that is no such key."""
    pieces = key.split("/")
    if len(pieces) != 4 or not pieces[0] or not pieces[1] or not pieces[3] or "\x00" in key or len(key) > 1000:
        return None
    workflow, step, dependency, kind = pieces
    correcting = step.endswith(_CORRECTION)
    cause = Cause(workflow, step.removesuffix(_CORRECTION), dependency, kind, correcting)
    return cause if cause.whole == (cause.step == ANY) else None


def matching(cause: Cause) -> Q:
    """The condition for instances that have this trouble now."""
    wanted = TROUBLED & Q(dependency=cause.dependency) & _exactly(cause.kind)
    if cause.whole:
        return wanted
    return wanted & Q(workflow=cause.workflow, step=cause.step) & (_CORRECTING if cause.correcting else ~_CORRECTING)


def any_of(keys: Iterable[str]) -> Q:
    """The condition for instances that have any of these troubles; what is no key matches nothing."""
    causes = [cause for key in keys if (cause := parse(key))]
    return reduce(or_, [matching(cause) for cause in causes]) if causes else Q(id__in=[])


def of_kind(kind: str) -> Q:
    """The condition for instances in trouble whose error is of this kind; CORRECTION and APART are kinds as well."""
    if kind == CORRECTION:
        return _CORRECTING
    if kind == APART:
        return _CORRECTING | ~_exactly(FAILING)
    return _exactly(kind) & ~_CORRECTING


def _exactly(kind: str) -> Q:
    return Q(Exact(RawSQL(KIND, ()), Value(kind)))  # noqa: S611 - made of constants


#: Alive and either handed to a person, being tried again, or held back by a circuit breaker. What is paused is not.
TROUBLED = Q(ended_at__isnull=True) & (Q(needs_person=True) | Q(waiting_kind__in=("retry", "breaker")))
_CORRECTING = Q(status=COMPENSATING)
TROUBLED_SQL = "ended_at IS NULL AND (needs_person OR waiting_kind IN ('retry', 'breaker'))"
CORRECTING_SQL = f"(workflows_instance.status = '{COMPENSATING}')"


def _of_the_attempt(place: int) -> str:
    """What the state keeps of the present step's failure: its text (5) or kind (6), where `engine.codec` puts them.

    Read from the stored state, so that the hot path writes no column for it; only rows in trouble are looked into.
    """
    item = f"'strict $.correction.items[*] ? (@[0] == $step)[2][{place}]'"
    return f"""CASE WHEN {CORRECTING_SQL}
        THEN jsonb_path_query_first(workflows_instance.state, {item},
                                    jsonb_build_object('step', workflows_instance.step), true) #>> '{{}}'
        ELSE workflows_instance.state #>> ARRAY['steps', workflows_instance.step, 'patience', '{place}'] END"""


ERROR = f"coalesce({_of_the_attempt(5)}, '')"
#: Of the codes that mean "a person was asked", `exhausted` is the one that another attempt may mend after all.
KIND = f"""CASE WHEN NOT workflows_instance.needs_person THEN '{FAILING}'
    ELSE coalesce(nullif(replace({_of_the_attempt(6)}, 'exhausted', '{FAILING}'), ''), 'other') END"""
