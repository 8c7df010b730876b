"""What goes out: published milestones, who subscribed, and what each subscriber has received."""

from __future__ import annotations

from django.db import models
from django.db.models import Q

from workflows.models.fields import TransactionId


class OutboxEvent(models.Model):
    """A published milestone, written in the transaction that made it true. `number` is dense per instance, from 1."""

    id = models.UUIDField(primary_key=True)
    instance_id = models.UUIDField()
    number = models.IntegerField()
    workflow = models.TextField()
    type = models.TextField()
    schema_version = models.IntegerField()
    subject = models.TextField()
    data = models.JSONField()
    correlation_id = models.TextField(default="", blank=True)
    traceparent = models.TextField(default="", blank=True)
    at = models.DateTimeField()
    xid = TransactionId()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["instance_id", "number"], name="outbox_in_order")]
        indexes = [models.Index(fields=["xid", "id"], name="outbox_cursor")]


class Subscription(models.Model):
    """Somebody who receives published events over HTTP, signed as Standard Webhooks."""

    name = models.TextField(unique=True)
    url = models.TextField()
    secret = models.TextField()
    #: event types; empty means all
    types = models.JSONField(default=list)
    active = models.BooleanField(default=True)
    #: the cursor: (system identifier, transaction id, event id) up to which deliveries were made out
    cursor_system = models.TextField(default="", blank=True)
    cursor_xid = models.BigIntegerField(default=0)
    cursor_id = models.UUIDField(null=True)
    created_at = models.DateTimeField()


class Delivery(models.Model):
    """One event on its way to one subscriber."""

    subscription = models.ForeignKey(Subscription, on_delete=models.CASCADE)
    event = models.ForeignKey(OutboxEvent, on_delete=models.PROTECT)
    instance_id = models.UUIDField()
    number = models.IntegerField()
    #: pending, delivered or dead (given up, kept for replay)
    state = models.TextField(default="pending")
    attempts = models.IntegerField(default=0)
    next_at = models.DateTimeField()
    delivered_at = models.DateTimeField(null=True)
    error = models.TextField(default="", blank=True)

    class Meta:
        verbose_name_plural = "deliveries"
        constraints = [models.UniqueConstraint(fields=["subscription", "event"], name="delivery_once")]
        indexes = [
            models.Index(fields=["next_at"], name="delivery_due", condition=Q(state="pending")),
            models.Index(fields=["subscription"], name="delivery_dead", condition=Q(state="dead")),
            models.Index(fields=["subscription", "instance_id", "number"], name="delivery_order"),
        ]
