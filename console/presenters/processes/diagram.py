"""The steps of one version with how many instances are at each of them now, drawn and as a table."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from console.presenters.graph import Drawing, drawing
from console.presenters.names import step_name
from console.presenters.processes.process import Process, work_url
from console.statuswords import capital, words
from workflows.dsl.definition import Definition, Node


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """One step and who is there. `url` leads to them, `system_url` to the dependency it calls."""

    name: str
    title: str
    stage: str
    stage_url: str
    after: str
    count: int
    person: int
    word: str
    tone: str
    css: str
    url: str
    system: str
    system_url: str
    #: nobody is ever past a step of a process as a whole
    over: bool = False


@dataclass(frozen=True, slots=True)
class Diagram:
    """One version. `elsewhere` counts those between two steps, or at a step that the drawing does not know."""

    graph: Drawing
    places: list[Place]
    elsewhere: str
    elsewhere_url: str


def diagram(process: Process) -> Diagram:
    """The version that is drawn, with what is under way in it."""
    drawn = process.drawn
    places = [_place(process, node) for node in drawn.nodes]
    elsewhere = process.count(lambda one: one.version == drawn.version) - sum(place.count for place in places)
    return Diagram(_graph(process, places), places, _elsewhere(elsewhere), work_url(drawn.name, version=drawn.version))


def _graph(process: Process, places: Sequence[Place]) -> Drawing:
    """The drawing of an instance's page, with links, and with the stages counted."""
    drawn, found = process.drawn, {place.name: place for place in places}
    plain = drawing(drawn, places)
    lanes = [
        replace(lane, name=f"{lane.name} · {count:,}" if (count := _in_stage(process, lane.name)) else lane.name)
        for lane in plain.lanes
    ]
    return replace(plain, lanes=lanes, boxes=[replace(box, url=found[box.name].url) for box in plain.boxes])


def _in_stage(process: Process, stage: str) -> int:
    version = process.drawn.version
    return process.count(lambda one: (one.version, one.stage) == (version, stage))


def _place(process: Process, node: Node) -> Place:
    drawn = process.drawn
    there = [one for one in process.here if (one.version, one.step) == (drawn.version, node.name)]
    count, person = sum(one.count for one in there), sum(one.person for one in there)
    stage = drawn.stages[node.stage].name
    calls = node.calls if node.calls and node.calls.adapter != "internal" else None
    tone, css = ("person", "person") if person else ("here", "here") if count else ("ahead", "nobody")
    narrowed = {"version": drawn.version, "step": node.name}
    return Place(
        name=node.name,
        title=capital(step_name(drawn, node.name)),
        stage=stage,
        stage_url=work_url(drawn.name, version=drawn.version, stage=stage) if _in_stage(process, stage) else "",
        after=_after(drawn, node),
        count=count,
        person=person,
        word=_word(count, person),
        tone=tone,
        css=css,
        url=work_url(drawn.name, **narrowed) if count else "",
        system=capital(words(calls.name)) if calls else "",
        system_url=reverse("dependency", args=[calls.name]) if calls else "",
    )


def _after(drawn: Definition, node: Node) -> str:
    return ", ".join(step_name(drawn, name) for name in sorted(node.after, key=drawn.position.__getitem__))


def _word(count: int, person: int) -> str:
    if not count:
        return _("none here")
    if not person:
        return _("%(n)s here") % {"n": f"{count:,}"}
    if person == count:
        return ngettext("%(n)s needs a person", "%(n)s need a person", person) % {"n": f"{person:,}"}
    template = ngettext("%(n)s here · %(m)s needs a person", "%(n)s here · %(m)s need a person", person)
    return template % {"n": f"{count:,}", "m": f"{person:,}"}


def _elsewhere(count: int) -> str:
    if count <= 0:
        return ""
    return ngettext(
        "%(n)s is at no step of the drawing: between two steps, or being corrected.",
        "%(n)s are at no step of the drawing: between two steps, or being corrected.",
        count,
    ) % {"n": f"{count:,}"}
