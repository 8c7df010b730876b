"""Judges an installation that has come to rest: nothing lost, nothing doubled, every record where it belongs."""

from __future__ import annotations

import json
import threading
import time
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.chaos.installation import Installation
from tests.chaos.intake import Acknowledged
from tests.demo.order_classes import ENDINGS, Ending, OrderClass, classify

#: offenders shown per verdict
SHOWN = 20


@dataclass(frozen=True)
class Verdict:
    """One judgement. `offenders` explain a failure, one sentence each."""

    name: str
    passed: bool
    says: str
    offenders: tuple[str, ...] = ()


@dataclass(frozen=True)
class Standing:
    """How one instance stands."""

    id: str
    key: str
    run: int
    ending: Ending
    reason: str


def standings(installation: Installation) -> list[Standing]:
    rows = installation.ask(
        "SELECT id::text, key, run, lifecycle, status, needs_person, reason FROM workflows_instance ORDER BY key, run"
    )
    return [Standing(id_, key, run, Ending(*ending), reason) for id_, key, run, *ending, reason in rows]


def expectations(records: Sequence[Mapping[str, Any]]) -> dict[str, Ending]:
    """How every record must stand in the end, by order id, as docs/orders.md says."""
    return {id_: ENDINGS[kind] for id_, kind in classify(records).items()}


def askable(records: Sequence[Mapping[str, Any]]) -> set[tuple[str, str]]:
    """The steps about which a person may be asked: which order an unclear return belongs to."""
    return {(id_, "match") for id_, kind in classify(records).items() if ENDINGS[kind].needs_person}


def unsettled(installation: Installation, expected: Mapping[str, Ending]) -> list[str]:
    """What still moves: instances that neither ended nor wait for a person, deliveries and messages on their way."""
    moving = [
        f"{each.key} is {each.ending.status}"
        for each in standings(installation)
        if not each.ending.needs_person
        and each.ending != expected.get(each.key)
        and not _ended_otherwise(each, expected)
    ]
    for what, query in _ON_THE_WAY.items():
        count = installation.ask(query)[0][0]
        moving += [f"{count} {what}"] if count else []
    return moving


def _ended_otherwise(standing: Standing, expected: Mapping[str, Ending]) -> bool:
    """An ending that is wrong and will stay so; a delivered order that is still to be corrected is not one."""
    awaits_correction = expected.get(standing.key) == ENDINGS[OrderClass.CORRECTED]
    return standing.ending.lifecycle in ("completed", "compensated", "failed", "cancelled") and not awaits_correction


_ON_THE_WAY = {
    "attempts are running": "SELECT count(*) FROM workflows_work WHERE session_id IS NOT NULL",
    "events are not delivered yet": "SELECT count(*) FROM workflows_delivery WHERE state = 'pending'",
    "callbacks are not handed over yet": """
        SELECT count(*) FROM workflows_message m WHERE m.state = 'pending'
        AND EXISTS (SELECT FROM workflows_wait w WHERE w.message_type = m.type AND w.match = m.key)""",
}


def judge(
    installation: Installation,
    expected: Mapping[str, Ending],
    may_ask: Collection[tuple[str, str]],
    known: Acknowledged,
    file: Path,
) -> list[Verdict]:
    """All verdicts on the data, in the order of the report. `file` holds the records that were started."""
    found = standings(installation)
    return [
        acknowledged(found, known),
        endings(found, expected),
        asked(installation, may_ask),
        invariants(installation),
        command(
            installation,
            "outside world",
            "E1-E3 hold against the ledger",
            "reconcile",
            "--simulators",
            installation.simulators,
        ),
        again(installation, file, len(found)),
    ]


def acknowledged(found: Sequence[Standing], known: Acknowledged) -> Verdict:
    """Every acknowledged start exists exactly once, as the instance that was named; nothing else exists."""
    ids: dict[str, list[str]] = {}
    for each in found:
        ids.setdefault(each.key, []).append(each.id)
    offenders = []
    for key, told in known.instances.items():
        match ids.get(key, []):
            case []:
                offenders.append(f"{key} was acknowledged and is lost")
            case [one] if not told or one == told:
                pass
            case [one]:
                offenders.append(f"{key} was acknowledged as {told} and is {one}")
            case several:
                offenders.append(f"{key} exists {len(several)} times")
    offenders += [f"{key} was never sent" for key in sorted(ids.keys() - known.instances.keys())]
    return _verdict("acknowledged starts", f"{len(known.instances)} acknowledged, each exists exactly once", offenders)


def endings(found: Sequence[Standing], expected: Mapping[str, Ending]) -> Verdict:
    """Every instance ended, or waits for a person, as it must; and all that must exist was started."""
    offenders = [
        f"{each.key} is {_told(each.ending)} ({each.reason or 'no reason given'}) and not {_told(expected[each.key])}"
        for each in found
        if each.key in expected and each.ending != expected[each.key]
    ]
    offenders += [f"{key} was never started" for key in sorted(expected.keys() - {each.key for each in found})]
    counts = Counter(each.ending.status for each in found)
    summary = ", ".join(f"{count} {status}" for status, count in counts.most_common())
    return _verdict("endings", summary, offenders)


def _told(ending: Ending) -> str:
    return f"{ending.lifecycle}, {ending.status}{', needs a person' if ending.needs_person else ''}"


def asked(installation: Installation, may_ask: Collection[tuple[str, str]]) -> Verdict:
    """A person was named only where one is needed: no step was given up because machines failed."""
    rows = installation.ask(_GIVEN_UP)
    offenders = [
        f"{key}: {type_} for {step} ({code}): {reason}"
        for key, type_, step, code, reason in rows
        if (key, step) not in may_ask
    ]
    return _verdict("nobody asked in vain", f"{len(rows)} questions to people, all where one is needed", offenders)


_GIVEN_UP = """
SELECT i.key, e.type, e.step, e.data->>'code', e.data->>'reason' FROM workflows_event e
JOIN workflows_instance i ON i.id = e.instance_id WHERE e.type IN ('PersonAsked', 'StepDropped') ORDER BY i.key, e.seq
"""


def invariants(installation: Installation, *, patience: float = 90) -> Verdict:
    """What `verify` says, offender by offender.

    What is about being late it judges only when a pump and a worker have been at work for a while, so it is asked again
    until it does, for so many seconds.
    """
    until, pause = time.monotonic() + patience, threading.Event()
    while True:
        done = installation.manage("verify", "--json")
        try:
            found = json.loads(done.stdout)["invariants"]
        except (ValueError, KeyError):
            return _verdict("invariants", "", (done.stdout + done.stderr).splitlines()[-SHOWN:] or ["silence"])
        unjudged = [f"{one['invariant']} was not judged: {one['not_judged']}" for one in found if one["not_judged"]]
        if not unjudged or time.monotonic() > until:
            break
        pause.wait(5)
    offenders = [
        f"{each['invariant']} {each['subject']}: {each['problem']}" for one in found for each in one["offenders"]
    ]
    return _verdict("invariants", "every invariant holds", offenders + unjudged)


def command(installation: Installation, name: str, says: str, *words: str) -> Verdict:
    """What a judging command of the product says."""
    done = installation.manage(*words)
    lines = (done.stdout + done.stderr).strip().splitlines()
    return Verdict(
        name,
        done.returncode == 0,
        says if done.returncode == 0 else f"`{words[0]}` fails",
        () if done.returncode == 0 else tuple(lines[-SHOWN:]),
    )


def again(installation: Installation, file: Path, before: int) -> Verdict:
    """The same file once more changes nothing."""
    done = installation.manage("start", "order", "--file", str(file))
    after = len(standings(installation))
    offenders = [] if done.returncode == 0 else (done.stdout + done.stderr).splitlines()[-SHOWN:]
    offenders += [f"{before} instances became {after}"] if after != before else []
    return _verdict("the same file twice", "starting the whole file once more changed nothing", offenders)


def observations(installation: Installation) -> dict[str, dict[str, int]]:
    """What the run went through, counted: for the report, not for a verdict."""
    return {name: {str(what): int(count) for what, count in installation.ask(query)} for name, query in _COUNTS.items()}


_COUNTS = {
    "events": "SELECT type, count(*) FROM workflows_event GROUP BY 1",
    "attempts lost": "SELECT step, count(*) FROM workflows_event WHERE type = 'AttemptLost' GROUP BY 1",
    "late results": "SELECT outcome || ', ' || disposition, count(*) FROM workflows_lateresult GROUP BY 1",
    "callbacks": "SELECT state, count(*) FROM workflows_message GROUP BY 1",
    "deliveries": "SELECT state, count(*) FROM workflows_delivery GROUP BY 1",
    "failures": """
        SELECT coalesce(data->>'error', ''), count(*) FROM workflows_event
        WHERE type = 'AttemptFailed' AND step NOT IN ('original', 'corrected', 'match') GROUP BY 1""",
}


def _verdict(name: str, says: str, offenders: Sequence[str]) -> Verdict:
    if not offenders:
        return Verdict(name, True, says)
    more = [f"… and {len(offenders) - SHOWN} more"] if len(offenders) > SHOWN else []
    return Verdict(name, False, f"{len(offenders)} offenders", (*offenders[:SHOWN], *more))
