"""The business statuses of one version: how many have each now, and what it means."""

from __future__ import annotations

from dataclasses import dataclass

from django.utils.translation import gettext as _

from console.presenters.names import step_name
from console.presenters.processes.process import Process, work_url
from console.statuswords import capital, words
from workflows.dsl.definition import Definition, Node
from workflows.dsl.status import COMPENSATING, HUMAN, RECEIVED


@dataclass(frozen=True, slots=True)
class StatusLine:
    """One status. `ends` says that whoever has it is over."""

    name: str
    words: str
    means: str
    count: int
    person: int
    url: str
    ends: bool = False


def statuses(process: Process) -> list[StatusLine]:
    """Every status of the drawn version in the order of its life, and what somebody has although nobody declares it."""
    drawn, means = process.drawn, _meanings(process.drawn)
    former = sorted({one.status for one in process.here if one.version == drawn.version} - set(drawn.statuses))
    return [_line(process, name, means.get(name, "")) for name in (*drawn.statuses, *former)]


def _line(process: Process, name: str, means: str) -> StatusLine:
    drawn = process.drawn
    there = [one for one in process.here if (one.version, one.status) == (drawn.version, name)]
    count = sum(one.count for one in there)
    declared = drawn.sentences.get(name, ("", ""))[0]
    return StatusLine(
        name=name,
        words=capital(words(name)),
        means=declared or means,
        count=count,
        person=sum(one.person for one in there),
        url=work_url(drawn.name, version=drawn.version, status=name) if count else "",
        ends=name in drawn.endings.names(),
    )


def _meanings(drawn: Definition) -> dict[str, str]:
    """What each status says where the workflow declares no sentence; the first step to give it has the say."""
    endings = drawn.endings
    found = {
        RECEIVED: _("Accepted; nothing has begun"),
        COMPENSATING: _("What was done is being corrected"),
        endings.completed: _("Ended well"),
        endings.compensated: _("Ended; what was done was corrected"),
        endings.cancelled: _("Ended, because somebody cancelled it"),
        endings.failed: _("Ended; the business said no"),
        HUMAN: _("Somebody is asked to decide"),
    }
    for node in drawn.by_name.values():
        for name, text in _of_step(drawn, node).items():
            found.setdefault(name, text)
    return found


def _of_step(drawn: Definition, node: Node) -> dict[str, str]:
    if node.status is None:
        return {}
    about, status = {"step": capital(step_name(drawn, node.name))}, node.status
    return {
        status.pending: _("%(step)s is under way") % about,
        status.waiting: _("%(step)s waits for an answer") % about,
        status.retrying: _("%(step)s failed and is tried again by itself") % about,
        status.unavailable: _("%(step)s waits until its system can be called again") % about,
        status.failed: _("%(step)s cannot go on without a person") % about,
        status.done: _("%(step)s succeeded") % about,
        status.refused: _("%(step)s was refused by the business") % about,
    }
