"""What can go wrong with a definition, and the words a step uses to say how its attempt ended."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

_OWN_CODE = str(Path(__file__).parent)


def where_called() -> str:
    """File and line of the author's code that is being read, as `file.py:12`."""
    frame = sys._getframe(1)
    while frame.f_back is not None and frame.f_code.co_filename.startswith((_OWN_CODE, "<")):
        frame = frame.f_back
    return f"{frame.f_code.co_filename}:{frame.f_lineno}"


class DefinitionError(Exception):
    """A workflow definition is wrong; the message names file, line and what to write instead.

    Without `where`, the author's line that is being read is named.
    """

    def __init__(self, message: str, *, where: str | None = None) -> None:
        self.where = where_called() if where is None else where
        super().__init__(f"{self.where}: {message}")


class StepOutcome(Exception):
    """Raised by a step function to end its attempt in a way that is not success.

    Any other exception counts as a technical failure that may be retried.
    """

    #: True when another attempt of the same step can help.
    retryable = True
    #: True when the side effect may have happened although the attempt failed.
    may_have_happened = False


class Refused(StepOutcome):
    """The business says no (declined card, rejected order). Never retried; the instance is corrected."""

    retryable = False

    def __init__(self, code: str, reason: str) -> None:
        super().__init__(reason)
        self.code = code
        self.reason = reason


class PersonNeeded(StepOutcome):
    """Only a person can go on from here; `evidence` is what that person needs to see. Never retried."""

    retryable = False

    def __init__(self, reason: str, evidence: Mapping[str, Any] | None = None) -> None:
        super().__init__(reason)
        self.reason = reason
        self.evidence = dict(evidence or {})


class TemporaryFailure(StepOutcome):
    """A technical failure worth another attempt; nothing happened at the far side.

    `after`: the far side asked to wait at least this long (for example `Retry-After`).
    """

    def __init__(self, reason: str, *, after: timedelta | None = None) -> None:
        super().__init__(reason)
        self.reason = reason
        self.after = after


class OutcomeUnknown(TemporaryFailure):
    """The call broke after it was sent: the effect may have happened. Repeated only as the dependency allows."""

    may_have_happened = True


class PermanentFailure(StepOutcome):
    """A technical failure that another attempt cannot mend (wrong request, broken contract). A person is asked."""

    retryable = False

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason
