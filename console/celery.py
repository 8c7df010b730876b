"""The Celery application: wake-ups for workers over Redis, nothing else. A lost one costs latency, never work."""

from __future__ import annotations

import os
from typing import Any

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "console.settings")

import django
from celery import Celery
from celery.app.amqp import AMQP
from celery.signals import celeryd_init, setup_logging, task_prerun, worker_process_init, worker_ready
from django.conf import settings
from django.db import close_old_connections
from kombu import Connection, Exchange, Queue

from console import memory
from workflows import registry

#: steps that were running when their worker died, one at a time
QUARANTINE = "quarantine"
#: an address nobody listens on: without REDIS_URL hints fail at once, as when Redis is down
NOWHERE = "redis://127.0.0.1:1/0"


class Broker(Connection):
    """A lost connection is tried again every second, for ever: kombu's own pauses grow to half a minute."""

    def ensure_connection(self, errback: Any = None, *given_up: Any, **options: Any) -> Any:
        """Wait until Redis answers. `errback` hears every failure; a limit of retries is not heeded."""
        pauses = {"interval_start": 1, "interval_step": 0, "interval_max": 1}
        return super().ensure_connection(errback, **{**options, **pauses, "max_retries": None})


class Wires(AMQP):
    Connection = Broker


app = Celery("watchkeeper", amqp=Wires)
app.set_default()
app.conf.update(
    broker_url=settings.REDIS_URL or NOWHERE,
    broker_connection_retry_on_startup=True,
    broker_transport_options={
        "socket_timeout": 3,
        "socket_connect_timeout": 2,
        "socket_keepalive": True,
        "health_check_interval": 10,
    },
    task_publish_retry=False,
    task_serializer="json",
    accept_content=["json"],
    task_ignore_result=True,
    task_store_errors_even_if_ignored=False,
    # The database decides who does what; acknowledging late would only repeat hints.
    task_acks_late=False,
    worker_prefetch_multiplier=1,
    # Below the 12 s lease by more than one heartbeat, so that what it finishes still counts.
    worker_soft_shutdown_timeout=7,
    worker_enable_soft_shutdown_on_idle=False,
    worker_hijack_root_logger=False,
    worker_send_task_events=False,
    task_default_queue="default",
    timezone="UTC",
    # Connections outlive tasks; each task starts with a look whether its own still works.
    CELERY_DB_REUSE_MAX=1_000_000_000,
)
app.autodiscover_tasks()


@celeryd_init.connect
def _serve_declared_pools(conf: Any, **kwargs: Any) -> None:
    """A worker serves the pools of all declared dependencies and the quarantine, unless -Q or -X says otherwise."""
    django.setup()
    names = (*registry.pools(), QUARANTINE)
    conf.task_queues = [Queue(name, Exchange(name), routing_key=name) for name in names]


@worker_ready.connect
@worker_process_init.connect
def _settle_memory(**kwargs: Any) -> None:
    memory.settle()


@task_prerun.connect
def _check_connections(**kwargs: Any) -> None:
    close_old_connections()


@setup_logging.connect
def _leave_logging_alone(**kwargs: Any) -> None:
    """Logging is set up by the settings; without a receiver here Celery would replace it."""
