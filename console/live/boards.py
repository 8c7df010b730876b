"""Tells the open boards that something changed: those who see everything at once, others only of what they may see.

News names instances, operations and breakers, not workflows. For people who may not see all of them the workflows
that are concerned are looked up, so that nobody learns from a silent frame that something happens where they may not
look.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Collection, Iterable
from contextlib import suppress
from typing import Protocol
from uuid import UUID

from channels.db import database_sync_to_async
from django.db import DatabaseError

from workflows.queries import dependencies, governance, instances, operations
from workflows.queries.visibility import Viewer

#: seconds between two frames about the boards
PAUSE = 0.2
#: changed instances that are looked up at once; what is beyond is noticed with the next heartbeat
MOST = 5000


class Board(Protocol):
    """One open board. `note` returns at once."""

    viewer: Viewer

    def note(self, topic: str, about: str, revision: int) -> None: ...


class Boards:
    """The boards of one web process, and how often something changed for each of them."""

    def __init__(self) -> None:
        self._told: dict[Board, int] = {}
        self._changes = 0
        self._changes_in: Counter[str] = Counter()
        self._timer: asyncio.TimerHandle | None = None
        self._unsorted: set[str] = set()
        self._sorting: asyncio.Task[None] | None = None

    @property
    def narrowed(self) -> bool:
        """Whether anybody looks who may not see everything."""
        return any(board.viewer.sees is not None for board in self._told)

    def add(self, board: Board) -> None:
        """Count the board in, and tell it what it may have missed."""
        self._told[board] = self._revision(board)
        board.note("board", "", self._told[board])

    def discard(self, board: Board) -> None:
        """Count the board out, if it is one."""
        self._told.pop(board, None)

    def changed(self, about: Collection[str]) -> None:
        """Something changed in these instances or breakers, or was decided about workflows."""
        self._changes += 1
        self._soon()
        if self.narrowed and len(self._unsorted) + len(about) <= MOST:
            self._unsorted.update(about)
            self._sorting = self._sorting or asyncio.create_task(self._sort())

    def changed_in(self, workflows: Iterable[str]) -> None:
        """Something changed in these workflows."""
        self._changes_in.update(workflows)
        self._soon()

    def close(self) -> None:
        """Tell nobody any more."""
        if self._timer:
            self._timer.cancel()
        if self._sorting:
            self._sorting.cancel()
        self._timer = self._sorting = None

    async def _sort(self) -> None:
        """Look up whose instances they are, for as long as there are any."""
        while self._unsorted:
            about, self._unsorted = self._unsorted, set()
            with suppress(DatabaseError):  # the next heartbeat finds out
                changed = [UUID(one) for one in about]
                found = await database_sync_to_async(_about)(changed)
                self.changed_in(found | dependencies.callers(changed) | governance.decided_lately(changed))
            await asyncio.sleep(PAUSE)
        self._sorting = None

    def _soon(self) -> None:
        """Tell the boards at once, then at most once per pause: there are many sockets and one core."""
        if self._timer is None:
            self._tell()

    def _tell(self) -> None:
        self._timer = None
        news = [board for board, told in self._told.items() if told != self._revision(board)]
        for board in news:
            self._told[board] = self._revision(board)
            board.note("board", "", self._told[board])
        if news:
            self._timer = asyncio.get_running_loop().call_later(PAUSE, self._tell)

    def _revision(self, board: Board) -> int:
        """How often something changed for this board, as far as this process knows."""
        sees = board.viewer.sees
        return self._changes if sees is None else sum(self._changes_in[workflow] for workflow in sees)


def _about(changed: list[UUID]) -> set[str]:
    """The workflows that the instances and operations among the ids belong to."""
    return instances.workflows_of(changed) | operations.workflows_of(changed)
