"""What people decided about whole workflows and causes of trouble: versions, intake, who looks after what."""

from __future__ import annotations

from django.db import models
from django.db.models import Q


class Rollout(models.Model):
    """Which version new instances of a workflow take. Without a row it is the newest one."""

    workflow = models.TextField(primary_key=True)
    stable = models.IntegerField()
    candidate = models.IntegerField(null=True)
    #: share of new instances that take the candidate
    percent = models.IntegerField(default=0)
    by = models.TextField()
    reason = models.TextField()
    at = models.DateTimeField()

    class Meta:
        constraints = [
            models.CheckConstraint(name="rollout_percent", condition=Q(percent__gte=0, percent__lte=100)),
            models.CheckConstraint(name="rollout_share", condition=Q(candidate__isnull=False) | Q(percent=0)),
        ]


class PausedIntake(models.Model):
    """New instances of the workflow are refused, until a time or until somebody resumes it (the row goes)."""

    workflow = models.TextField(primary_key=True)
    until = models.DateTimeField(null=True)
    by = models.TextField()
    reason = models.TextField()
    at = models.DateTimeField()


class FailureNote(models.Model):
    """What people know about one cause of trouble; it outlives the retry of everything it touched."""

    #: workflow, step, dependency and kind of error, as `queries.failures` joins them
    cause = models.TextField(primary_key=True)
    owner = models.TextField(default="", blank=True)
    note = models.TextField(default="", blank=True)
    #: new, taken, waiting (for a fix) or done
    state = models.TextField(default="new")
    by = models.TextField(default="", blank=True)
    at = models.DateTimeField()

    class Meta:
        constraints = [
            models.CheckConstraint(
                name="failurenote_state", condition=Q(state__in=["new", "taken", "waiting", "done"])
            ),
            models.CheckConstraint(
                name="failurenote_holder", condition=~Q(state__in=["taken", "waiting"]) | ~Q(owner="")
            ),
        ]
