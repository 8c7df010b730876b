"""Keeps the garbage collector from going through everything that was loaded at the start, again and again."""

from __future__ import annotations

import gc

#: Objects made between two looks for cycles. What the engine makes are frozen values without any; the default of 700
#: cost a worker seven per cent of its time.
BETWEEN_LOOKS = 50_000


def settle() -> None:
    """Call once, when the process has loaded everything and begins to serve."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(BETWEEN_LOOKS, 20, 20)
