"""How long to wait before the next attempt: exponential backoff whose jitter is arithmetic, not chance.

The spread comes from a checksum of who is waiting, so the same history always gives the same times, while a thousand
instances that failed together come back apart. Source: "Exponential Backoff and Jitter", AWS Architecture Blog 2015.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from zlib import crc32

from workflows.dsl.dependency import Retry

#: A step that lost this many attempts alone in quarantine is given to a person.
MAX_LOSSES = 3
#: `otherwise` is asked at most this often before a person is named.
MAX_ROUNDS = 3


def retry_at(retry: Retry, failures: int, seed: str, now: datetime, after: timedelta | None = None) -> datetime:
    """When attempt `failures + 1` may begin; never before the far side's own wish (`after`)."""
    pause = min(retry.first * retry.factor ** min(max(failures - 1, 0), 30), retry.cap)
    spread = (crc32(f"{seed}#{failures}".encode()) / 0xFFFFFFFF) * 2 - 1
    pause = pause * (1 + retry.jitter * spread)
    return now + max(pause, after or timedelta(0))
