"""Who did what: the audit, accepted operations, API tokens, and requests that must not act twice."""

from __future__ import annotations

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.contrib.postgres.indexes import GinIndex
from django.db import models

from workflows.models.fields import TransactionId


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
    xid = TransactionId()

    class Meta:
        verbose_name_plural = "audit entries"
        indexes = [
            models.Index(fields=["actor", "id"], name="audit_who"),
            models.Index(fields=["xid", "id"], name="audit_cursor"),
            # Most rows are accepted starts; what people look for is among the others.
            models.Index(fields=["id"], name="audit_acts", condition=~models.Q(action="start")),
            models.Index(fields=["id"], name="audit_refused", condition=models.Q(allowed=False)),
            models.Index(fields=["target"], name="audit_target", condition=models.Q(instance_id__isnull=True)),
        ]


class AuditSeal(models.Model):
    """A stretch of the audit, closed for good: `entries` are the ids of its rows in the order of (xid, id).

    `hash` is SHA-256 over the hash before and the canonical text of every row. Up to (`xid`, `last_id`) everything that
    was written in the database `system` is sealed; a seal without rows says that another database has taken over.
    """

    number = models.BigIntegerField(primary_key=True)
    #: the database's system identifier: transaction ids mean something only there
    system = models.TextField(default="", blank=True)
    xid = models.BigIntegerField()
    last_id = models.BigIntegerField()
    entries = ArrayField(models.BigIntegerField(), default=list)
    count = models.IntegerField()
    hash = models.BinaryField()
    at = models.DateTimeField()

    class Meta:
        indexes = [GinIndex(fields=["entries"], name="seal_entries")]


class ScopedRole(models.Model):
    """A role that a person has for one workflow only; a role for all of them is membership in the group."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="scoped_roles")
    role = models.TextField()
    workflow = models.TextField()

    class Meta:
        verbose_name, verbose_name_plural = "role for one workflow", "roles for one workflow"
        constraints = [
            models.UniqueConstraint(fields=["user", "role", "workflow"], name="scoped_role_once"),
            models.CheckConstraint(name="scoped_role_somewhere", condition=~models.Q(workflow="")),
        ]

    def __str__(self) -> str:
        return f"{self.role} for {self.workflow}"


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
    """A bearer token; only its SHA-256 is stored. It never carries more rights than its user has now."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE)
    digest = models.TextField(unique=True)
    label = models.TextField(default="", blank=True)
    #: the capabilities and the workflows it is good for; empty: all of its user's
    capabilities = models.JSONField(default=list, blank=True)
    workflows = models.JSONField(default=list, blank=True)
    created_at = models.DateTimeField()
    expires_at = models.DateTimeField(null=True)
    last_used_at = models.DateTimeField(null=True)
    revoked_at = models.DateTimeField(null=True)

    class Meta:
        verbose_name = "API token"


class IdempotentRequest(models.Model):
    """The first answer to a request that carried an Idempotency-Key; returned again for the same one."""

    #: the caller the key belongs to
    scope = models.TextField()
    key = models.TextField()
    #: SHA-256 of method, path and body
    fingerprint = models.TextField()
    #: method and path, for people
    request = models.TextField(default="", db_default="", blank=True)
    at = models.DateTimeField(db_index=True)
    #: null while the first request is running
    status = models.IntegerField(null=True)
    body = models.TextField(default="", blank=True)
    answered_at = models.DateTimeField(null=True)
    #: what the answer is about, if it is about an instance or a workflow
    workflow = models.TextField(default="", db_default="", blank=True)
    instance_id = models.UUIDField(null=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["scope", "key"], name="idempotent_once")]
        indexes = [models.Index(fields=["key"], name="idempotent_key", opclasses=["text_pattern_ops"])]
