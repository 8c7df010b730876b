"""Counted business per minute, so that sparklines need no scan of the history."""

from __future__ import annotations

from django.db import models


class Rollup(models.Model):
    """One number for one minute: `name` (started, completed, failed, …) of one label (a workflow, a dependency)."""

    minute = models.DateTimeField()
    name = models.TextField()
    label = models.TextField(default="", blank=True)
    count = models.BigIntegerField(default=0)
    #: sum of seconds, where the name measures a duration
    total = models.FloatField(default=0)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["minute", "name", "label"], name="rollup_once")]
        indexes = [models.Index(fields=["name", "minute"], name="rollup_series")]
