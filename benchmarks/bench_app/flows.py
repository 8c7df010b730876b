"""Five sequential no-op steps as a Watchkeeper workflow, with everything a real one has."""

from benchmarks.bench_app import steps
from benchmarks.bench_app.contracts import Begin, BenchFinished
from workflows.dsl import Dependency, Workflow, given, publish, seconds, stage, step

#: Nobody answers faster than this far side, so only the engine's own cost is left, its breaker included. The default
#: cap on simultaneous attempts guards against slow dependencies; this one needs none.
rig = Dependency("rig", timeout=seconds(10), repeats="by_key", concurrency=1000)


class Bench(Workflow):
    """Count to five, durably."""

    name, version = "bench", 1
    noun, owner = "count", "benchmark"

    begin = given(Begin, key="key")

    with stage("Counting"):
        one = step(steps.one, calls=rig, compensate=steps.undo, status="One")
        two = step(steps.two, calls=rig, compensate=steps.undo, status="Two")
        three = step(steps.three, calls=rig, compensate=steps.undo, status="Three")
        four = step(steps.four, calls=rig, compensate=steps.undo, status="Four")
        five = step(steps.five, calls=rig, compensate=steps.undo, status="Five")
        finished = publish(BenchFinished, key=begin["key"], count=five["count"])
