"""What has to be done: work for workers, times to remember, and who is alive to do it."""

from __future__ import annotations

from django.db import models
from django.db.models import Q


class Work(models.Model):
    """One attempt somebody should make. A row with a session is leased; `token` fences what comes back."""

    instance_id = models.UUIDField()
    step = models.TextField()
    #: forward, check, ask or compensate
    direction = models.TextField()
    workflow = models.TextField()
    version = models.IntegerField()
    pool = models.TextField()
    dependency = models.TextField()
    band = models.SmallIntegerField(default=1)
    ready_at = models.DateTimeField()
    held = models.BooleanField(default=False)
    #: refused by the dependency's breaker; the pump offers it again
    parked = models.BooleanField(default=False, db_default=False)
    #: may be claimed in a batch: repeating it is harmless
    safe = models.BooleanField(default=True)
    timeout_seconds = models.FloatField()
    token = models.BigIntegerField(default=0)
    session_id = models.UUIDField(null=True)
    leased_at = models.DateTimeField(null=True)
    deadline_at = models.DateTimeField(null=True)

    class Meta:
        verbose_name_plural = "work"
        constraints = [models.UniqueConstraint(fields=["instance_id", "step", "direction"], name="work_once")]
        indexes = [
            models.Index(
                fields=["pool", "band", "ready_at"],
                name="work_ready",
                condition=Q(session_id__isnull=True, held=False, parked=False),
            ),
            models.Index(fields=["dependency", "ready_at"], name="work_parked", condition=Q(parked=True)),
            models.Index(fields=["session_id"], name="work_leased", condition=Q(session_id__isnull=False)),
        ]


class Timer(models.Model):
    """A time at which an instance wants to be told."""

    instance_id = models.UUIDField()
    name = models.TextField()
    fire_at = models.DateTimeField()
    held = models.BooleanField(default=False)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["instance_id", "name"], name="timer_once")]
        indexes = [models.Index(fields=["fire_at"], name="timer_due", condition=Q(held=False))]


class Session(models.Model):
    """One process and its lease on life; all its attempts live and die with `alive_until`."""

    id = models.UUIDField(primary_key=True)
    #: worker or pump
    kind = models.TextField()
    host = models.TextField()
    process = models.IntegerField()
    pools = models.JSONField(default=list)
    #: [[workflow, version, fingerprint], …] the process has code for
    capabilities = models.JSONField(default=list)
    started_at = models.DateTimeField()
    alive_until = models.DateTimeField()
    #: last time a wake-up came through the broker
    heard_at = models.DateTimeField(null=True)
    ended_at = models.DateTimeField(null=True)

    class Meta:
        indexes = [models.Index(fields=["alive_until"], name="session_alive", condition=Q(ended_at__isnull=True))]


class Duty(models.Model):
    """A job of the pump that only one process does at a time, and when it was last done."""

    name = models.TextField(primary_key=True)
    holder_id = models.UUIDField(null=True)
    until = models.DateTimeField(null=True)
    done_at = models.DateTimeField(null=True)

    class Meta:
        verbose_name_plural = "duties"


class OnceResult(models.Model):
    """The stored result of a sub-operation (`call.once`), by idempotency key and name."""

    pk = models.CompositePrimaryKey("key", "name")
    key = models.TextField()
    name = models.TextField()
    instance_id = models.UUIDField(db_index=True)
    result = models.TextField()
    at = models.DateTimeField()
