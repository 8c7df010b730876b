"""Where the demonstration stands in playing the orders of December 2010."""

from __future__ import annotations

from django.db import models


class Playback(models.Model):
    """One row: how many lines of the file were played, and whether that was all of them."""

    position = models.IntegerField(default=0)
    total = models.IntegerField(default=0)
    played_at = models.DateTimeField(null=True)

    @property
    def exhausted(self) -> bool:
        """Whether every line was played."""
        return 0 < self.total <= self.position
