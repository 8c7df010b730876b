"""Identifiers made in Python: time-ordered UUIDs (version 7, RFC 9562), so that new rows land side by side."""

from __future__ import annotations

import os
import threading
import time
from uuid import UUID, uuid5

_EVENTS = UUID("6f3f9a3e-3a43-4a55-9d2e-0a8b4e0c7f11")

_lock = threading.Lock()
_last = 0


def new_id() -> UUID:
    """A new time-ordered UUID; ids of one process are in the order in which they were made, also within a millisecond.

    The twelve bits below the milliseconds count parts of 1/4096 millisecond (RFC 9562, 6.2, method 3).
    """
    global _last
    with _lock:
        _last = max(_last + 1, (time.time_ns() << 12) // 1_000_000)
        ticks = _last
    head = ((ticks >> 12) << 16) | (0x7 << 12) | (ticks & 0xFFF)
    tail = (int.from_bytes(os.urandom(8), "big") & ~(0x3 << 62)) | (0x2 << 62)
    return UUID(int=(head << 64) | tail)


def event_id(instance_id: UUID, seq: int) -> UUID:
    """The id of a published event: always the same for the same history event."""
    return uuid5(_EVENTS, f"{instance_id}/{seq}")
