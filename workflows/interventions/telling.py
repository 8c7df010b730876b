"""Tells those who are asked to decide, once each, by mail; the mail leads to a page, and looking decides nothing.

1. For every new question a notice is made out per member of its team who may decide it.
2. What is due is taken, sent without any lock, and noted. A mail that fails is tried again later and holds up no other.
3. A mail server that does not answer ends the round; everything stays due.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from smtplib import SMTPException
from uuid import UUID

import structlog
from django.conf import settings
from django.contrib.auth import get_user_model
from django.core.mail import EmailMessage, get_connection
from django.core.mail.backends.base import BaseEmailBackend
from django.utils.module_loading import import_string

from approvals import notices, queries
from approvals.models import Approval
from approvals.notices import Due
from approvals.queries import ApprovalRow
from approvals.rules import APPROVE
from workflows.core.patience import retry_at
from workflows.dsl.dependency import Retry
from workflows.dsl.durations import minutes, seconds
from workflows.engine import clock
from workflows.interventions.authority import may
from workflows.interventions.people import users
from workflows.queries import involvement

#: questions and mails per round
BATCH = 50
#: tried again until the question is settled
RETRY = Retry(attempts=1_000, first=seconds(10), factor=2, cap=minutes(10))
#: what a mail that cannot be sent raises: the server's refusals, the network's, and headers that are none
UNSENT = (SMTPException, OSError, ValueError)

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Letter:
    """What a mail says."""

    subject: str
    text: str


Writer = Callable[[ApprovalRow], Letter]


def tell() -> int:
    """One round. Returns how many mails went out. Without an address for links nobody is told."""
    if not settings.CONSOLE_URL:
        return 0
    now = clock.now()
    for approval_id in notices.untold(BATCH):
        notices.make_out(approval_id, _audience(approval_id), now)
    due = notices.take(BATCH, now)
    return _send(due) if due else 0


def _audience(approval_id: UUID) -> list[str]:
    """Who may decide it and can be reached: whoever had a hand in the matter is not bothered."""
    row = _row(approval_id)
    members = get_user_model().objects.filter(groups__name=row.audience, is_active=True).exclude(email="").distinct()
    accounts = list(members)
    principals, hands = users(accounts), involvement.involved([row.subject])[row.subject]
    return [
        account.get_username()
        for account in accounts
        if may(principals[account.pk], APPROVE, row.scope).allowed and account.get_username() not in hands
    ]


def _send(due: list[Due]) -> int:
    write: Writer = import_string(settings.WORKFLOW_LETTER)
    connection = get_connection()
    try:
        connection.open()
    except UNSENT as error:
        log.warning("mail.unreachable", waiting=len(due), error=type(error).__name__)
        return 0
    try:
        return sum(_sent(notice, write, connection) for notice in due)
    finally:
        with suppress(*UNSENT):
            connection.close()


def _sent(notice: Due, write: Writer, connection: BaseEmailBackend) -> bool:
    """Send one mail and note what came of it."""
    row = _row(notice.approval_id)
    people = get_user_model().objects.filter(username=notice.person, is_active=True)
    address = people.values_list("email", flat=True).first()
    try:
        if address:
            letter = write(row)
            message_id = f"<{row.id}.{notice.id}@watchkeeper>"
            EmailMessage(
                letter.subject, letter.text, to=[address], headers={"Message-ID": message_id}, connection=connection
            ).send()
    except UNSENT as error:
        again_at = retry_at(RETRY, notice.attempts + 1, str(notice.id), clock.now())
        notices.failed(notice, type(error).__name__, again_at)  # the rest of the error names the recipient
        log.warning("mail.failed", notice=notice.id, attempts=notice.attempts + 1, error=type(error).__name__)
        return False
    notices.sent(notice, clock.now())
    return bool(address)


def _row(approval_id: UUID) -> ApprovalRow:
    return queries.read(Approval.objects.filter(id=approval_id))[0]
