"""Votes that were kept because the process that took them had no code for what follows: carried out by one that has.

Everything is looked at again: the right, the team, four eyes, what is shown, and whether the question is still open.
"""

from __future__ import annotations

from django.contrib.auth import get_user_model
from django.db import transaction

from approvals.models import KeptVote
from workflows import audit, registry
from workflows.audit import Act
from workflows.engine import isolation, store
from workflows.interventions.authority import Principal
from workflows.interventions.deciding import check_right, vote
from workflows.interventions.errors import Forbidden, Impossible, Stale
from workflows.interventions.people import user


def carry_out(limit: int = 200) -> int:
    """Carry out the kept votes this process has code for, the oldest first. Returns how many were settled."""
    return isolation.each("kept vote", store.run(_READY, (list(registry.capabilities()), limit)), _carry_out)


def _carry_out(vote_id: int) -> None:
    """One of them; none, if another process was faster. The row is gone with the transaction that counts it."""
    kept = KeptVote.objects.select_related("approval").filter(id=vote_id).first()
    if kept is None:
        return
    act = Act("user", kept.person, kept.verdict, "engine", kept.correlation_id, kept.comment)
    try:
        with transaction.atomic():
            if _taken(kept):
                principal = _person(kept)
                check_right(principal, act, kept.approval)
                vote(principal, act, kept.approval, None)
    except (Forbidden, Stale, Impossible) as refusal:
        _refuse(kept, act, str(refusal))


def _taken(kept: KeptVote) -> bool:
    """Whether it is this transaction that carries it out."""
    return bool(KeptVote.objects.filter(id=kept.id).delete()[0])


def _person(kept: KeptVote) -> Principal:
    account = get_user_model().objects.filter(username=kept.person, is_active=True).first()
    if account is None:
        raise Forbidden("There is no such person any more.")
    return user(account)


def _refuse(kept: KeptVote, act: Act, why: str) -> None:
    with transaction.atomic():
        if _taken(kept):
            asked = kept.approval
            audit.record(
                act, allowed=False, refusal=why, workflow=asked.scope, instance_id=asked.subject, target=asked.key
            )


_READY = """
SELECT k.id FROM approvals_keptvote k
JOIN approvals_approval a ON a.id = k.approval_id JOIN workflows_instance i ON i.id = a.subject
WHERE i.workflow || '/' || i.version = ANY($1) ORDER BY k.id LIMIT $2
"""
