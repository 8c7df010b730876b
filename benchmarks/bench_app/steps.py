"""The five steps: each adds one to the count before it and does nothing else."""

from benchmarks.bench_app.contracts import Begin, Count


def one(begin: Begin) -> Count:
    return Count(count=begin.count + 1)


def two(one: Count) -> Count:
    return Count(count=one.count + 1)


def three(two: Count) -> Count:
    return Count(count=two.count + 1)


def four(three: Count) -> Count:
    return Count(count=three.count + 1)


def five(four: Count) -> Count:
    return Count(count=four.count + 1)


def undo() -> None:
    """There is nothing to correct; a real step would say how."""
