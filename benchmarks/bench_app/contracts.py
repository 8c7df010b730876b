"""What the benchmark's workflow is given, hands from step to step and publishes at its end."""

from workflows.dsl import Contract, Event


class Begin(Contract):
    """The number to count from."""

    key: str
    count: int


class Count(Contract):
    """How far it got."""

    count: int


class BenchFinished(Event):
    """The milestone, so that the outbox is part of the price."""

    key: str
    count: int
