"""Judges an installation that has come to rest: nothing lost, nothing doubled, every record where it belongs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
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


def unsettled(installation: Installation, records: Sequence[Mapping[str, Any]]) -> list[str]:
    """What still moves: instances that neither ended nor wait for a person, deliveries and messages on their way."""
    expected = {id_: ENDINGS[kind] for id_, kind in classify(records).items()}
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
    """An ending that is wrong and will stay so; a delivered order whose return is still to come is not one."""
    awaits_return = expected.get(standing.key) == ENDINGS[OrderClass.CORRECTED]
    return standing.ending.lifecycle in ("completed", "compensated", "failed", "cancelled") and not awaits_return


_ON_THE_WAY = {
    "attempts are running": "SELECT count(*) FROM workflows_work WHERE session_id IS NOT NULL",
    "events are not delivered yet": "SELECT count(*) FROM workflows_delivery WHERE state = 'pending'",
    "callbacks are not handed over yet": "SELECT count(*) FROM workflows_message WHERE state = 'pending'",
}


def judge(
    installation: Installation, records: Sequence[Mapping[str, Any]], known: Acknowledged, file: Path
) -> list[Verdict]:
    """All verdicts on the data, in the order of the report."""
    found = standings(installation)
    return [
        acknowledged(found, records, known),
        endings(found, records),
        asked(installation, records),
        command(installation, "invariants", "every invariant holds", "verify", "--json"),
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


def acknowledged(found: Sequence[Standing], records: Sequence[Mapping[str, Any]], known: Acknowledged) -> Verdict:
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
    offenders += [
        f"{key} was never acknowledged" for key in sorted({r["order_id"] for r in records} - known.instances.keys())
    ]
    offenders += [f"{key} was never sent" for key in sorted(ids.keys() - known.instances.keys())]
    return _verdict("acknowledged starts", f"{len(known.instances)} acknowledged, each exists exactly once", offenders)


def endings(found: Sequence[Standing], records: Sequence[Mapping[str, Any]]) -> Verdict:
    """Every record ended, or waits for a person, as docs/orders.md says."""
    classes = classify(records)
    offenders = [
        f"{each.key} ({classes[each.key]}) is {each.ending.lifecycle}, {each.ending.status}"
        f"{', needs a person' if each.ending.needs_person else ''}: {each.reason or 'no reason given'}"
        for each in found
        if each.key in classes and each.ending != ENDINGS[classes[each.key]]
    ]
    counts = Counter(each.ending.status for each in found)
    summary = ", ".join(f"{count} {status}" for status, count in counts.most_common())
    return _verdict("endings", summary, offenders)


def asked(installation: Installation, records: Sequence[Mapping[str, Any]]) -> Verdict:
    """A person was named only for returns nobody can match: no step was given up because machines failed."""
    wanted = {id_ for id_, kind in classify(records).items() if ENDINGS[kind].needs_person}
    rows = installation.ask(_GIVEN_UP)
    offenders = [
        f"{key}: {type_} for {step} ({code}): {reason}"
        for key, type_, step, code, reason in rows
        if (key, step) not in {(id_, "match") for id_ in wanted}
    ]
    return _verdict("nobody asked in vain", f"{len(rows)} questions to people, all about unclear returns", offenders)


_GIVEN_UP = """
SELECT i.key, e.type, e.step, e.data->>'code', e.data->>'reason' FROM workflows_event e
JOIN workflows_instance i ON i.id = e.instance_id WHERE e.type IN ('PersonAsked', 'StepDropped') ORDER BY i.key, e.seq
"""


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
