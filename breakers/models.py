"""One row per circuit breaker, its transitions, and the permits of the probes that are under way."""

from __future__ import annotations

from django.db import models
from django.db.models import Q

STATES = ["closed", "open", "half_open", "held_open", "held_closed"]
HELD = ["held_open", "held_closed"]


class Breaker(models.Model):
    """What all processes share about one dependency. Written by `breakers.operations` alone, under the row's lock."""

    name = models.TextField(primary_key=True)
    #: closed, open, half_open, held_open or held_closed
    state = models.TextField(default="closed")
    #: grows with every transition; what was seen under an older one no longer counts
    generation = models.BigIntegerField(default=1)
    since = models.DateTimeField()
    #: what the dependency declares, and what an operator changed of it
    declared = models.JSONField(default=dict)
    tuned = models.JSONField(default=dict)
    #: technical failures since the last success
    consecutive = models.IntegerField(default=0)
    #: [start in epoch seconds, calls, failures, slow] per part of the window
    window = models.JSONField(default=list)
    #: how often in a row a probe failed; the pause before the next one grows with it
    reopened = models.IntegerField(default=0)
    #: successful probes of this generation
    probed = models.IntegerField(default=0)
    next_probe_at = models.DateTimeField(null=True)
    #: calls that were refused since it opened
    refused = models.BigIntegerField(default=0)
    #: calls that were ever refused
    refused_total = models.BigIntegerField(default=0, db_default=0)
    last_error = models.TextField(default="", blank=True)
    #: who holds it, until when, and why; empty when nobody does
    held_by = models.TextField(default="", blank=True)
    held_until = models.DateTimeField(null=True)
    held_reason = models.TextField(default="", blank=True)

    class Meta:
        constraints = [
            models.CheckConstraint(name="breaker_state", condition=Q(state__in=STATES)),
            models.CheckConstraint(
                name="breaker_open_tries_again",
                condition=Q(state="open", next_probe_at__isnull=False)
                | (~Q(state="open") & Q(next_probe_at__isnull=True)),
            ),
            models.CheckConstraint(
                name="breaker_hold_ends",
                condition=(Q(state__in=HELD, held_until__isnull=False) & ~Q(held_by=""))
                | (~Q(state__in=HELD) & Q(held_until__isnull=True, held_by="")),
            ),
        ]


class Transition(models.Model):
    """One change of state. Rows are never changed or deleted; generations follow each other without a gap."""

    breaker = models.TextField()
    #: the generation that began with it
    generation = models.BigIntegerField()
    at = models.DateTimeField()
    was = models.TextField()
    became = models.TextField()
    #: in words: what was seen, or what somebody wanted
    cause = models.TextField()
    #: empty for what the breaker did by itself
    actor = models.TextField(default="", blank=True)
    reason = models.TextField(default="", blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["breaker", "generation"], name="transition_once"),
            models.CheckConstraint(name="transition_states", condition=Q(was__in=STATES, became__in=STATES)),
        ]
        indexes = [
            models.Index(fields=["breaker", "-at"], name="transition_newest"),
            models.Index(fields=["at"], name="transition_lately"),
        ]


class Permit(models.Model):
    """One probe that may call while the breaker is half open. It ends by its outcome, or by time."""

    breaker = models.TextField()
    generation = models.BigIntegerField()
    #: the process that probes
    holder = models.UUIDField()
    taken_at = models.DateTimeField()
    expires_at = models.DateTimeField()

    class Meta:
        indexes = [models.Index(fields=["breaker", "generation"], name="permit_of")]
