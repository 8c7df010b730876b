"""Who did what: the audit, accepted operations, API tokens, and requests that must not act twice."""

from __future__ import annotations

from django.conf import settings
from django.db import models


class AuditEntry(models.Model):
    """One act of a person, client or policy, refused attempts included. Rows are never changed or deleted."""

    #: one id for everything a single human action caused
    act_id = models.UUIDField(db_index=True)
    at = models.DateTimeField(db_index=True)
    #: user, client, policy or system
    actor_kind = models.TextField()
    actor = models.TextField()
    action = models.TextField()
    workflow = models.TextField(default="", blank=True)
    instance_id = models.UUIDField(null=True, db_index=True)
    target = models.TextField(default="", blank=True)
    allowed = models.BooleanField()
    refusal = models.TextField(default="", blank=True)
    reason = models.TextField(default="", blank=True)
    before = models.JSONField(default=dict)
    after = models.JSONField(default=dict)
    correlation_id = models.TextField(default="", blank=True)
    #: page, api, command or engine
    through = models.TextField(default="", blank=True)

    class Meta:
        indexes = [models.Index(fields=["actor", "at"], name="audit_actor")]


class Operation(models.Model):
    """An accepted act on its way: accepted, running, then verified by what the instance did, or failed."""

    id = models.UUIDField(primary_key=True)
    action = models.TextField()
    instance_id = models.UUIDField(db_index=True)
    actor_kind = models.TextField()
    actor = models.TextField()
    reason = models.TextField(default="", blank=True)
    state = models.TextField(default="accepted")
    accepted_at = models.DateTimeField()
    #: history seq when it was accepted; evidence must be newer
    accepted_seq = models.IntegerField()
    decided_at = models.DateTimeField(null=True)
    evidence = models.JSONField(default=dict)
    error = models.TextField(default="", blank=True)

    class Meta:
        indexes = [
            models.Index(
                fields=["accepted_at"], name="operation_open", condition=models.Q(state__in=["accepted", "running"])
            )
        ]


class ApiToken(models.Model):
    """A bearer token; only its SHA-256 is stored."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE)
    digest = models.TextField(unique=True)
    label = models.TextField(default="", blank=True)
    created_at = models.DateTimeField()
    expires_at = models.DateTimeField(null=True)
    last_used_at = models.DateTimeField(null=True)
    revoked_at = models.DateTimeField(null=True)


class IdempotentRequest(models.Model):
    """The first answer to a request that carried an Idempotency-Key; returned again for the same one."""

    #: the caller the key belongs to
    scope = models.TextField()
    key = models.TextField()
    #: SHA-256 of method, path and body
    fingerprint = models.TextField()
    at = models.DateTimeField(db_index=True)
    #: null while the first request is running
    status = models.IntegerField(null=True)
    body = models.TextField(default="", blank=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["scope", "key"], name="idempotent_once")]
