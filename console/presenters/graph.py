"""Draws a definition with the progress of one instance, or with how many are where: lanes from top to bottom.

There is a lane for each stage, with its steps from left to right.
Pure arithmetic: columns follow the longest path inside a stage, rows the order of declaration. A stage begins when the
one above has ended, so edges are drawn inside stages only. The page shows the same as a table.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from workflows.dsl.definition import Definition, Node

BOX_WIDTH, BOX_HEIGHT = 204, 52
GAP_X, GAP_Y, PADDING, HEADING, BETWEEN = 36, 12, 12, 32, 20


class Shown(Protocol):
    """What is drawn of a step: its card on the page of an instance, its place on that of a process."""

    @property
    def name(self) -> str: ...
    @property
    def title(self) -> str: ...
    @property
    def word(self) -> str: ...
    @property
    def tone(self) -> str: ...
    @property
    def css(self) -> str: ...
    @property
    def over(self) -> bool: ...


@dataclass(frozen=True, slots=True)
class Box:
    """One step. `tone` picks mark and colour, `word` says the same."""

    name: str
    label: str
    word: str
    tone: str
    css: str
    x: int
    y: int
    mark_x: int
    mark_y: int
    text_x: int
    label_y: int
    word_y: int
    #: where a click leads; the table has the same link for everybody else
    url: str = ""


@dataclass(frozen=True, slots=True)
class Lane:
    """One stage; `link` leads down from the stage above it, empty for the first."""

    name: str
    y: int
    height: int
    text_y: int
    link: str


@dataclass(frozen=True, slots=True)
class Edge:
    """A path from one step to another; `done` when the first has ended."""

    path: str
    done: bool


@dataclass(frozen=True, slots=True)
class Drawing:
    """The whole graph in pixels."""

    width: int
    height: int
    lane_width: int
    text_x: int
    box_width: int
    box_height: int
    lanes: list[Lane]
    boxes: list[Box]
    edges: list[Edge]


def drawing(definition: Definition, cards: Sequence[Shown]) -> Drawing:
    """Where everything goes."""
    columns = _columns(definition)
    by_name = {card.name: card for card in cards}
    lanes: list[Lane] = []
    boxes: list[Box] = []
    y, wide = 0, max(columns.values(), default=0) + 1
    for index, stage in enumerate(definition.stages):
        nodes = [node for node in definition.nodes if node.stage == index]
        filled = [0] * wide
        for node in nodes:
            column = columns[node.name]
            boxes.append(_box(by_name[node.name], column, y + HEADING + filled[column] * (BOX_HEIGHT + GAP_Y)))
            filled[column] += 1
        rows = max(1, *filled)
        height = HEADING + rows * BOX_HEIGHT + (rows - 1) * GAP_Y + PADDING
        link = f"M{PADDING + 12} {y - BETWEEN}V{y}" if index else ""
        lanes.append(Lane(stage.name, y, height, y + 21, link))
        y += height + BETWEEN
    width = 2 * PADDING + wide * BOX_WIDTH + (wide - 1) * GAP_X
    edges = _edges(definition, {box.name: box for box in boxes}, by_name)
    return Drawing(width + 1, y - BETWEEN + 1, width, PADDING, BOX_WIDTH, BOX_HEIGHT, lanes, boxes, edges)


def _columns(definition: Definition) -> dict[str, int]:
    """How many steps of the same stage lie before each one."""
    found: dict[str, int] = {}
    for node in definition.nodes:
        before = [found[name] for name in node.after if _stage(definition, name) == node.stage]
        found[node.name] = max(before, default=-1) + 1
    return found


def _stage(definition: Definition, name: str) -> int:
    return definition.by_name[name].stage


def _box(card: Shown, column: int, y: int) -> Box:
    x = PADDING + column * (BOX_WIDTH + GAP_X)
    return Box(
        card.name, card.title, card.word, card.tone, card.css, x, y,
        mark_x=x + 12, mark_y=y + 18, text_x=x + 38, label_y=y + 22, word_y=y + 40,
    )  # fmt: skip


def _edges(definition: Definition, boxes: dict[str, Box], cards: Mapping[str, Shown]) -> list[Edge]:
    """Direct edges only: one that a longer path already tells would only add ink."""
    return [
        Edge(_path(boxes[before], boxes[node.name]), cards[before].over)
        for node in definition.nodes
        for before in sorted(node.after)
        if _stage(definition, before) == node.stage and not _told_by_others(definition, node, before)
    ]


def _told_by_others(definition: Definition, node: Node, before: str) -> bool:
    others = [name for name in node.after if name != before]
    return any(before in _ancestors(definition, other) for other in others)


def _ancestors(definition: Definition, name: str) -> set[str]:
    found: set[str] = set()
    waiting = list(definition.by_name[name].after)
    while waiting:
        one = waiting.pop()
        if one not in found:
            found.add(one)
            waiting.extend(definition.by_name[one].after)
    return found


def _path(start: Box, end: Box) -> str:
    x1, y1 = start.x + BOX_WIDTH, start.y + BOX_HEIGHT // 2
    x2, y2 = end.x, end.y + BOX_HEIGHT // 2
    bend = max(12, (x2 - x1) // 2)
    return f"M{x1} {y1}C{x1 + bend} {y1} {x2 - bend} {y2} {x2} {y2}"
