"""A running or ended process: where one order is, and everything lists filter by."""

from __future__ import annotations

from django.contrib.postgres.indexes import GinIndex
from django.db import models

ENDED = ["completed", "compensated", "failed", "cancelled"]
ALIVE = ["running", "waiting", "paused", "compensating"]
LIVE = models.Q(ended_at__isnull=True)


class Instance(models.Model):
    """One run of a workflow for one business key. Written only by `workflows.engine`."""

    id = models.UUIDField(primary_key=True)
    workflow = models.TextField()
    version = models.IntegerField()
    key = models.TextField()
    run = models.IntegerField(default=1)
    generation = models.IntegerField(default=1)
    #: 0 high, 1 normal, 2 low
    priority = models.SmallIntegerField(default=1)
    lifecycle = models.TextField()
    status = models.TextField()
    stage = models.TextField()
    since = models.DateTimeField()
    needs_person = models.BooleanField(default=False)
    step = models.TextField(default="", blank=True)
    dependency = models.TextField(default="", blank=True)
    waiting_kind = models.TextField(default="", blank=True)
    waiting_name = models.TextField(default="", blank=True)
    waiting_until = models.DateTimeField(null=True)
    next_what = models.TextField(default="", blank=True)
    next_at = models.DateTimeField(null=True)
    owner = models.TextField(default="", blank=True)
    reason = models.TextField(default="", blank=True)
    deadline_at = models.DateTimeField(null=True)
    #: empty, near or passed
    deadline_state = models.TextField(default="", blank=True)
    initiator_kind = models.TextField()
    initiator = models.TextField()
    correlation_id = models.TextField()
    attributes = models.JSONField(default=dict)
    #: SHA-256 of the canonical input (RFC 8785), hexadecimal
    input_hash = models.TextField()
    parent = models.ForeignKey("self", null=True, on_delete=models.PROTECT, related_name="children", db_index=False)
    parent_item = models.TextField(default="", blank=True)
    #: the core's State as JSON; always the fold of the history
    state = models.JSONField()
    #: grows with every change; what optimistic writers compare
    revision = models.BigIntegerField(default=1)
    #: seq and hash of the newest history event
    seq = models.IntegerField()
    head_hash = models.BinaryField()
    started_at = models.DateTimeField()
    updated_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["workflow", "key", "run"], name="instance_once_per_run"),
            models.CheckConstraint(
                name="instance_ended_iff_final",
                condition=models.Q(ended_at__isnull=False, lifecycle__in=ENDED)
                | models.Q(ended_at__isnull=True, lifecycle__in=ALIVE),
            ),
        ]
        indexes = [
            models.Index(fields=["key"], name="instance_key", opclasses=["text_pattern_ops"]),
            models.Index(fields=["correlation_id"], name="instance_correlation"),
            models.Index(fields=["workflow", "id"], name="instance_workflow"),
            models.Index(fields=["workflow", "id"], name="instance_live", condition=LIVE),
            models.Index(fields=["id"], name="instance_person", condition=LIVE & models.Q(needs_person=True)),
            models.Index(fields=["parent"], name="instance_parent", condition=models.Q(parent__isnull=False)),
            GinIndex(fields=["attributes"], name="instance_attributes", opclasses=["jsonb_path_ops"]),
        ]

    def __str__(self) -> str:
        return f"{self.workflow} {self.key}"


class Tombstone(models.Model):
    """What stays of an instance after retention, so that its key still answers."""

    instance_id = models.UUIDField(primary_key=True)
    workflow = models.TextField()
    key = models.TextField()
    run = models.IntegerField()
    input_hash = models.TextField()
    ended_at = models.DateTimeField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["workflow", "key", "run"], name="tombstone_once_per_run")]


class RefusedStart(models.Model):
    """A start that broke the contract: who tried, with which key, and why it was not accepted."""

    at = models.DateTimeField(db_index=True)
    workflow = models.TextField()
    key = models.TextField(default="", blank=True)
    actor = models.TextField()
    problems = models.JSONField()
    correlation_id = models.TextField(default="", blank=True)
