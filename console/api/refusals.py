"""Tells refused interventions as problems: no right, no such thing, a wrong field, stale, or senseless now."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from console.api.problems import FORBIDDEN, IMPOSSIBLE, NOT_FOUND, STALE, ProblemError, invalid, several
from workflows import interventions


@contextmanager
def told_as_problems() -> Iterator[None]:
    """Whatever an intervention refuses inside becomes the problem that says so."""
    try:
        yield
    except interventions.Forbidden as refusal:
        raise ProblemError(FORBIDDEN, str(refusal)) from None
    except interventions.Unknown as error:
        raise ProblemError(NOT_FOUND, str(error)) from None
    except interventions.ReasonMissing as error:
        raise invalid("reason", str(error)) from None
    except interventions.InvalidInput as error:
        raise several([(problem.field, problem.message) for problem in error.problems]) from None
    except interventions.Odd as error:
        raise invalid(error.field, error.message) from None
    except interventions.Stale as error:
        raise ProblemError(STALE, str(error)) from None
    except interventions.Impossible as error:
        raise ProblemError(IMPOSSIBLE, str(error)) from None
