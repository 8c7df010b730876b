"""Reads JSON Lines files line by line, compressed or not; a bad line is a value with its number, no exception."""

from __future__ import annotations

import gzip
import json
import sys
import zlib
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, NoReturn

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

#: Bytes of one line; the API accepts no more either.
MAX_LINE = 1024 * 1024


class Damaged(Exception):
    """The file breaks off or is not what its name says."""


@dataclass(frozen=True, slots=True)
class Line:
    """One JSON object and the number of its line, from 1."""

    number: int
    data: dict[str, Any]


@dataclass(frozen=True, slots=True)
class BadLine:
    """A line that is not a JSON object, and why."""

    number: int
    problem: str


def read(path: Path) -> Iterator[Line | BadLine]:
    """Every line that is not blank. Raises OSError, and Damaged when a compressed file is broken."""
    with path.open("rb") as file:
        packed = file.read(2) == b"\x1f\x8b"
        file.seek(0)
        stream = gzip.GzipFile(fileobj=file) if packed else file
        try:
            for number, raw in _raw(stream):  # type: ignore[arg-type]
                if raw is None:
                    yield BadLine(number, f"is longer than {MAX_LINE:,} bytes")
                elif raw.strip():
                    yield parse(number, raw)
        except (gzip.BadGzipFile, EOFError, zlib.error) as error:
            raise Damaged(f"the compressed data is damaged ({error})") from error


def _raw(stream: IO[bytes]) -> Iterator[tuple[int, bytes | None]]:
    """Line number and bytes; None for a line that is too long, which is passed over without being kept."""
    number = 0
    while raw := stream.readline(MAX_LINE + 2):
        number += 1
        if len(raw.rstrip(b"\r\n")) <= MAX_LINE:
            yield number, raw
            continue
        while raw and not raw.endswith(b"\n"):
            raw = stream.readline(MAX_LINE)
        yield number, None


def parse(number: int, raw: bytes) -> Line | BadLine:
    """One line as a JSON object (RFC 8259: no NaN, no infinity), or what is wrong with it."""
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        return BadLine(number, f"is not UTF-8 (byte {error.start + 1})")
    try:
        data = json.loads(text, parse_constant=_refuse_constant)
    except json.JSONDecodeError as error:
        return BadLine(number, f"is not JSON ({error.msg}, column {error.colno})")
    except RecursionError:
        return BadLine(number, "is nested too deeply")
    except ValueError as error:
        return BadLine(number, f"is not JSON ({str(error).split(';')[0]})")
    return Line(number, data) if isinstance(data, dict) else BadLine(number, "is not a JSON object")


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not a JSON number")


Track = Callable[[Iterable[Line | BadLine]], Iterator[Line | BadLine]]


@contextmanager
def progress(path: Path, *, quiet: bool = False) -> Iterator[Track]:
    """Wraps an iteration over a file's lines in a progress bar, where somebody looks at a terminal."""
    if quiet or not sys.stderr.isatty():
        yield iter
        return
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        total = sum(1 for _ in read(path))
        yield lambda lines: iter(bar.track(lines, total=total, description=path.name))
