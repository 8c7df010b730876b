"""Draws a row of numbers as a small line; the numbers themselves stand beside it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

WIDTH, HEIGHT, MARGIN = 64, 20, 2


@dataclass(frozen=True, slots=True)
class Sparkline:
    """The points of a polyline in a box of 64 by 20, and where its newest point lies."""

    points: str
    x: float
    y: float


def sparkline(numbers: Sequence[float]) -> Sparkline | None:
    """The drawing, or None when there is nothing to see: fewer than two numbers, or only zeros."""
    if len(numbers) < 2 or not any(numbers):
        return None
    top, step = max(numbers), (WIDTH - 2 * MARGIN) / (len(numbers) - 1)
    points = [
        (round(MARGIN + index * step, 1), round(HEIGHT - MARGIN - number / top * (HEIGHT - 2 * MARGIN), 1))
        for index, number in enumerate(numbers)
    ]
    return Sparkline(" ".join(f"{x:g},{y:g}" for x, y in points), *points[-1])


def grouped(numbers: Sequence[int], size: int) -> list[int]:
    """Sums of so many neighbours each, so that an hour of minutes becomes a calm line."""
    return [sum(numbers[start : start + size]) for start in range(0, len(numbers), size)]
