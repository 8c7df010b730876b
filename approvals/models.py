"""Questions that people decide, and how each of them voted."""

from __future__ import annotations

from django.db import models
from django.db.models import Q


class Approval(models.Model):
    """One question about one subject. Written by `approvals.operations` alone, under the subject's lock."""

    id = models.UUIDField(primary_key=True)
    #: what it is about: opaque here, the asker knows
    subject = models.UUIDField()
    item = models.TextField()
    generation = models.IntegerField(default=1)
    #: what kind of thing it is about, and its number, as people know it
    scope = models.TextField()
    key = models.TextField()
    question = models.TextField()
    #: the group whose members decide
    audience = models.TextField()
    #: how many of them have to approve; one rejection decides
    quorum = models.IntegerField(default=1)
    #: why it is asked, with the values that decided
    rule = models.TextField(default="", blank=True)
    #: approve or reject: what follows when nobody decided in time
    default_outcome = models.TextField()
    #: what the deciders are shown: its name to where the asker keeps it (0: nothing was there)
    evidence = models.JSONField(default=dict, db_default={})
    #: SHA-256 of everything the deciders see; a decision about something else is refused
    subject_hash = models.TextField()
    opened_at = models.DateTimeField()
    due_at = models.DateTimeField()
    #: open, approved, rejected, sent_back, timed_out or withdrawn
    state = models.TextField(default="open")
    decided_at = models.DateTimeField(null=True)
    #: the person whose vote decided; empty for a time-out or a withdrawal
    decided_by = models.TextField(default="", blank=True)
    #: when the notices for its audience were made out
    told_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["subject", "item"], condition=Q(state="open"), name="approval_open_once"),
            models.CheckConstraint(name="approval_quorum", condition=Q(quorum__gte=1)),
            models.CheckConstraint(
                name="approval_decided_iff_closed",
                condition=Q(state="open", decided_at__isnull=True) | (~Q(state="open") & Q(decided_at__isnull=False)),
            ),
        ]
        indexes = [
            models.Index(fields=["audience", "due_at"], name="approval_queue", condition=Q(state="open")),
            models.Index(fields=["subject"], name="approval_subject"),
            models.Index(fields=["opened_at"], name="approval_untold", condition=Q(state="open", told_at__isnull=True)),
        ]


class Vote(models.Model):
    """What one person said. Rows are never changed or deleted; nobody votes twice on the same question."""

    approval = models.ForeignKey(Approval, on_delete=models.PROTECT, related_name="votes")
    person = models.TextField()
    #: approve or reject
    verdict = models.TextField()
    comment = models.TextField(default="", blank=True)
    subject_hash = models.TextField()
    at = models.DateTimeField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["approval", "person"], name="vote_once")]


class KeptVote(models.Model):
    """A vote that a process without the code for what follows has taken; one with the code carries it out."""

    approval = models.ForeignKey(Approval, on_delete=models.PROTECT, related_name="kept_votes")
    person = models.TextField()
    #: approve or reject
    verdict = models.TextField()
    comment = models.TextField(default="", blank=True)
    correlation_id = models.TextField(default="", blank=True)
    at = models.DateTimeField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["approval", "person"], name="kept_vote_once")]


class Notice(models.Model):
    """One person who is told of a question by mail, once, and whether that has worked."""

    approval = models.ForeignKey(Approval, on_delete=models.PROTECT, related_name="notices")
    person = models.TextField()
    sent_at = models.DateTimeField(null=True)
    attempts = models.IntegerField(default=0)
    next_at = models.DateTimeField()
    error = models.TextField(default="", blank=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["approval", "person"], name="notice_once")]
        indexes = [models.Index(fields=["next_at"], name="notice_due", condition=Q(sent_at__isnull=True))]
