"""What comes in from outside, and what waits for it."""

from __future__ import annotations

from django.db import models
from django.db.models import Q


class Wait(models.Model):
    """An instance waits for a message of this type with this key."""

    instance_id = models.UUIDField()
    step = models.TextField()
    generation = models.IntegerField(default=1)
    message_type = models.TextField()
    match = models.TextField()
    due_at = models.DateTimeField(null=True)
    opened_at = models.DateTimeField()
    #: open, satisfied (one message decided it) or closed (no longer wanted)
    state = models.TextField(default="open")
    closed_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["instance_id", "step"], condition=Q(state="open"), name="wait_open_once")
        ]
        indexes = [
            models.Index(fields=["message_type", "match"], name="wait_match"),
            models.Index(fields=["instance_id"], name="wait_instance"),
        ]


class Message(models.Model):
    """One inbound callback, stored before it is acknowledged."""

    id = models.UUIDField(primary_key=True)
    source = models.TextField()
    #: the sender's `webhook-id`; the same one is the same message
    webhook_id = models.TextField()
    type = models.TextField()
    key = models.TextField()
    body = models.TextField()
    received_at = models.DateTimeField()
    #: pending (nobody waits for it yet), applied, late, duplicate, conflicting, invalid, ignored
    state = models.TextField(default="pending")
    instance_id = models.UUIDField(null=True)
    step = models.TextField(default="", blank=True)
    note = models.TextField(default="", blank=True)
    disposed_at = models.DateTimeField(null=True)
    correlation_id = models.TextField(default="", blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["source", "webhook_id"], name="message_once"),
            models.UniqueConstraint(
                fields=["instance_id", "step"], condition=Q(state="applied"), name="message_applied_once"
            ),
        ]
        indexes = [
            models.Index(fields=["type", "key"], name="message_match"),
            models.Index(fields=["received_at"], name="message_pending", condition=Q(state="pending")),
            models.Index(fields=["state", "id"], name="message_inbox", condition=~Q(state="applied")),
            models.Index(fields=["instance_id"], name="message_instance"),
        ]
