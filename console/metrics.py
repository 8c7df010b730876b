"""`/metrics`: the numbers of the whole installation as Prometheus text, the same whichever process is asked."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from django.conf import settings
from django.db import DatabaseError
from django.http import HttpRequest, HttpResponse
from django.utils.crypto import constant_time_compare
from django.views.decorators.http import require_safe
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric, SummaryMetricFamily
from prometheus_client.registry import Collector, CollectorRegistry
from psycopg_pool import PoolTimeout

from workflows import rollups
from workflows.engine import clock
from workflows.queries import liveness, measures
from workflows.queries.unserved import unserved
from workflows.queries.visibility import EVERYTHING

_PREFIX = "watchkeeper_"
#: Counted per workflow: rollup name to what it says.
_ENDS = ("started", "completed", "compensated", "failed", "cancelled", "asked")
#: Counted per dependency: rollup name to help.
_ATTEMPTS = {
    "attempts": "Attempts that ended, however they ended.",
    "failures": "Attempts that failed for a technical reason.",
    "retries": "Failed attempts that were followed by another one.",
    "losses": "Attempts whose worker or time-out took them.",
    "refusals": "Attempts that were refused for business reasons.",
}


@require_safe
def metrics(request: HttpRequest) -> HttpResponse:
    """Everything, as text. With METRICS_TOKEN set, only for those who send it as a bearer token."""
    if settings.METRICS_TOKEN and not _may_read(request):
        response = HttpResponse("A bearer token is needed.\n", status=401, content_type="text/plain")
        response["WWW-Authenticate"] = "Bearer"
        return response
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_Truth())
    return HttpResponse(generate_latest(registry), content_type=CONTENT_TYPE_LATEST)


def _may_read(request: HttpRequest) -> bool:
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    return scheme.lower() == "bearer" and constant_time_compare(token.strip(), settings.METRICS_TOKEN)


class _Truth(Collector):
    """Reads the tables at every scrape. A database that is away is a number, too."""

    def collect(self) -> Iterable[Metric]:
        try:
            found = [*_instances(), *_dependencies(), *_breakers(), *_queues(), *_arrivals(), *_processes()]
        except (DatabaseError, PoolTimeout):
            return [_gauge("database_up", "Whether the database answers.", 0)]
        return [_gauge("database_up", "Whether the database answers.", 1), *found]


def _gauge(name: str, text: str, value: float) -> GaugeMetricFamily:
    return GaugeMetricFamily(_PREFIX + name, text, value=value)


def _instances() -> Iterator[Metric]:
    live = GaugeMetricFamily(_PREFIX + "instances", "Live instances by business status.", labels=["workflow", "status"])
    person = GaugeMetricFamily(
        _PREFIX + "needs_person", "Live instances for which an operator must act.", labels=["workflow"]
    )
    overdue = GaugeMetricFamily(_PREFIX + "overdue", "Live instances whose deadline has passed.", labels=["workflow"])
    rows = measures.live()
    for row in rows:
        live.add_metric([row.workflow, row.status], row.count)
    for workflow in dict.fromkeys(row.workflow for row in rows):
        person.add_metric([workflow], sum(row.needs_person for row in rows if row.workflow == workflow))
        overdue.add_metric([workflow], sum(row.overdue for row in rows if row.workflow == workflow))
    yield from (live, person, overdue, _unserved())


def _unserved() -> Metric:
    family = GaugeMetricFamily(
        _PREFIX + "without_code", "Live instances of versions no live worker has code for.",
        labels=["workflow", "version"],
    )  # fmt: skip
    for one in unserved(EVERYTHING, clock.read()):
        family.add_metric([one.workflow, str(one.version)], one.count)
    return family


def _dependencies() -> Iterator[Metric]:
    totals = rollups.totals()
    happened = CounterMetricFamily(
        _PREFIX + "instance_events",
        "Instances started, ended (by lifecycle) or given to a person.",
        labels=["workflow", "event"],
    )
    for (name, label), (count, _) in sorted(totals.items()):
        if name in _ENDS:
            happened.add_metric([label, name], count)
    yield happened
    for name, text in _ATTEMPTS.items():
        family = CounterMetricFamily(_PREFIX + name, text, labels=["dependency"])
        for label in sorted(label for known, label in totals if known == "attempts"):
            family.add_metric([label], totals.get((name, label), (0, 0.0))[0])
        yield family
    seconds = SummaryMetricFamily(
        _PREFIX + "attempt_seconds", "From the beginning of an attempt to its recorded end.", labels=["dependency"]
    )
    for (name, label), (count, total) in sorted(totals.items()):
        if name == "latency":
            seconds.add_metric([label], count_value=count, sum_value=total)
    yield seconds


def _breakers() -> Iterator[Metric]:
    """The state as one series per state, 1 for the present one, so that a graph shows how long each lasted."""
    state = GaugeMetricFamily(
        _PREFIX + "breaker_state", "1 for the state the circuit breaker is in.", labels=["dependency", "state"]
    )
    refused = CounterMetricFamily(
        _PREFIX + "breaker_refused", "Calls that were not made because of the breaker.", labels=["dependency"]
    )
    held = GaugeMetricFamily(
        _PREFIX + "breaker_held_up", "Instances whose work waits for calls to pass.", labels=["dependency"]
    )
    moved = CounterMetricFamily(
        _PREFIX + "breaker_transitions", "Transitions of the breaker into a state.", labels=["dependency", "state"]
    )
    for breaker in measures.breakers():
        for one, present in breaker.states.items():
            state.add_metric([breaker.name, one], present)
            moved.add_metric([breaker.name, one], breaker.arrivals[one])
        refused.add_metric([breaker.name], breaker.refused)
        held.add_metric([breaker.name], breaker.held_up)
    yield from (state, refused, held, moved)


def _queues() -> Iterator[Metric]:
    depth = GaugeMetricFamily(_PREFIX + "work", "Pieces of work by pool and state.", labels=["pool", "state"])
    age = GaugeMetricFamily(_PREFIX + "work_oldest_seconds", "Age of the oldest piece that is ready.", labels=["pool"])
    for queue in measures.queues():
        for state, count in (("ready", queue.ready), ("later", queue.later), ("leased", queue.leased)):
            depth.add_metric([queue.pool, state], count)
        age.add_metric([queue.pool], queue.oldest_seconds)
    yield from (depth, age)


def _arrivals() -> Iterator[Metric]:
    for name, pending, what in (
        ("callbacks_pending", measures.callbacks(), "Callbacks without a disposition"),
        ("outbox_undelivered", measures.outbox(), "Published events that an active subscriber has not received"),
        ("timers_due", measures.timers(), "Timers whose time has come"),
    ):
        yield _gauge(name, f"{what}.", pending.count)
        yield _gauge(f"{name}_oldest_seconds", f"{what}: age of the oldest.", pending.oldest_seconds)
    yield _gauge("deliveries_dead", "Deliveries that were given up.", measures.dead_deliveries())


def _processes() -> Iterator[Metric]:
    alive = GaugeMetricFamily(_PREFIX + "processes", "Processes whose lease on life holds.", labels=["kind"])
    for kind, count in ({"worker": 0, "pump": 0} | measures.sessions()).items():
        alive.add_metric([kind], count)
    yield alive
    duty_age = GaugeMetricFamily(
        _PREFIX + "duty_age_seconds", "Since a duty of the pump was last done.", labels=["duty"]
    )
    for duty in liveness.duties():
        if duty.age_seconds is not None:
            duty_age.add_metric([duty.name], duty.age_seconds)
    yield duty_age
    pump = liveness.pump_age()
    if pump is not None:
        yield _gauge("pump_age_seconds", "Since any pump last did anything.", pump)
