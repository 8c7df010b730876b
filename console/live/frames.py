"""What travels between the browser and the console over a websocket: never content, only topic, id and revision."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from uuid import UUID

#: ids one socket may watch, and the longest message it may send
MOST_IDS, MOST_BYTES = 200, 16_384

Frame = tuple[str, str, int]


class BadMessage(ValueError):
    """The browser sent something that is not a subscription."""


@dataclass(frozen=True)
class Subscription:
    """What one socket wants to hear about: some instances, and whether anything on the boards changed."""

    board: bool = False
    watch: frozenset[str] = frozenset()


def read(text: str | None) -> Subscription:
    """The subscription a browser sent: `{"board": true}` and/or `{"watch": [ids]}`. Raises BadMessage."""
    if text is None or len(text) > MOST_BYTES:
        raise BadMessage
    try:
        said = json.loads(text)
        board, watch = said.get("board", False), said.get("watch", [])
        if not isinstance(board, bool) or not isinstance(watch, list) or len(watch) > MOST_IDS:
            raise BadMessage
        return Subscription(board, frozenset(str(UUID(one)) for one in watch))
    except (ValueError, TypeError, AttributeError, RecursionError) as error:
        raise BadMessage from error


def write(frames: Iterable[Frame]) -> str:
    """One message for the browser."""
    return json.dumps([{"topic": topic, "id": about, "revision": revision} for topic, about, revision in frames])


def read_news(text: str | bytes) -> dict[str, int]:
    """Instance ids and revisions from another process; whatever is not that is ignored, for anybody may write there."""
    try:
        pairs = json.loads(text)
        return {str(UUID(about)): int(revision) for about, revision in pairs}
    except (ValueError, TypeError, AttributeError, RecursionError):
        return {}
