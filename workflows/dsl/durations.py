"""Words for lengths of time, so that a definition reads like the process: `hours(4)`, `minutes(20)`."""

from datetime import timedelta


def seconds(count: float) -> timedelta:
    """That many seconds."""
    return timedelta(seconds=count)


def minutes(count: float) -> timedelta:
    """That many minutes."""
    return timedelta(minutes=count)


def hours(count: float) -> timedelta:
    """That many hours."""
    return timedelta(hours=count)


def days(count: float) -> timedelta:
    """That many days of 24 hours."""
    return timedelta(days=count)
