"""Identifiers made in Python: time-ordered UUIDs (version 7, RFC 9562), so that new rows land side by side."""

from __future__ import annotations

import os
import time
from uuid import UUID, uuid5

_EVENTS = UUID("6f3f9a3e-3a43-4a55-9d2e-0a8b4e0c7f11")


def new_id() -> UUID:
    """A new time-ordered UUID."""
    milliseconds = time.time_ns() // 1_000_000
    value = (milliseconds << 80) | int.from_bytes(os.urandom(10), "big")
    value = (value & ~(0xF << 76)) | (0x7 << 76)
    return UUID(int=(value & ~(0x3 << 62)) | (0x2 << 62))


def event_id(instance_id: UUID, seq: int) -> UUID:
    """The id of a published event: always the same for the same history event."""
    return uuid5(_EVENTS, f"{instance_id}/{seq}")
