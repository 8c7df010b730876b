"""What happened to an instance: append-only events, and the payloads they refer to."""

from __future__ import annotations

from django.db import models

from workflows.models.fields import ExactJson, TransactionId


class Event(models.Model):
    """One event of an instance's history. Rows are never changed or deleted (trigger and revoked rights).

    `hash` is SHA-256 over the previous hash, the canonical header and data, and the salted payload digest.
    """

    pk = models.CompositePrimaryKey("instance_id", "seq")
    instance_id = models.UUIDField()
    seq = models.IntegerField()
    generation = models.IntegerField(default=1)
    at = models.DateTimeField()
    type = models.TextField()
    schema = models.SmallIntegerField(default=1)
    step = models.TextField(default="", blank=True)
    actor_kind = models.TextField(default="system")
    actor = models.TextField(default="", blank=True)
    data = ExactJson(default=dict)
    correlation_id = models.TextField(default="", blank=True)
    #: lease token of the attempt that led to the event, 0 for none
    token = models.BigIntegerField(default=0)
    payload_digest = models.BinaryField(null=True)
    hash = models.BinaryField()
    xid = TransactionId()

    class Meta:
        db_table = "workflows_event"


class Payload(models.Model):
    """The body an event refers to: an input, an output, an answer. Written once; redaction deletes body and salt.

    `body` is JSON text. The event's `payload_digest` is SHA-256 of salt + body, so the chain outlives the redaction.
    """

    pk = models.CompositePrimaryKey("instance_id", "seq")
    instance_id = models.UUIDField()
    seq = models.IntegerField()
    body = models.TextField(null=True)
    salt = models.BinaryField(null=True)

    class Meta:
        db_table = "workflows_payload"


class LateResult(models.Model):
    """What an attempt reported after it had lost its lease, and what became of that."""

    instance_id = models.UUIDField(db_index=True)
    step = models.TextField()
    direction = models.TextField()
    token = models.BigIntegerField()
    at = models.DateTimeField()
    #: succeeded, failed or refused
    outcome = models.TextField()
    body = models.TextField(default="", blank=True)
    #: used (it moved the instance) or ignored (it changed nothing)
    disposition = models.TextField()
