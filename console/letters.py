"""What mails say: which case, which question, until when, and where to look; nothing else, because mails travel far."""

from __future__ import annotations

from django.conf import settings
from django.urls import reverse
from django.utils.translation import gettext as _

from approvals.queries import ApprovalRow
from approvals.rules import APPROVE
from console import timewords
from console.statuswords import capital, words
from workflows import registry
from workflows.interventions.telling import Letter

#: characters of a subject, and of a number or question inside the text
MOST = 150


def decision(asked: ApprovalRow) -> Letter:
    """The mail to one of those who are asked. Its link opens the page; deciding takes a sign-in and a click there."""
    about = {
        "case": _line(f"{capital(_noun(asked))} {asked.key}"),
        "question": _line(asked.question),
        "team": _line(asked.audience),
        "until": timewords.exact(asked.due_at),
        "url": f"{settings.CONSOLE_URL}{reverse('decision', args=[asked.id])}",
    }
    ending = (
        _("Without a decision it is approved on %(until)s.")
        if asked.default_outcome == APPROVE
        else _("Without a decision it is rejected on %(until)s.")
    )
    paragraphs = (
        _("%(case)s waits for a decision by %(team)s:"), "    %(question)s", ending,
        _("Look at it and decide here:"), "    %(url)s", _("Opening the page decides nothing."),
    )  # fmt: skip
    text = "\n\n".join(paragraph % about for paragraph in paragraphs)
    return Letter(_line(_("%(case)s: %(question)s") % about), f"{text}\n")


def _noun(asked: ApprovalRow) -> str:
    try:
        return registry.newest(asked.scope).noun
    except registry.UnknownWorkflow:
        return words(asked.scope)


def _line(text: str) -> str:
    """The text on one line, without anything a header or a terminal could take for a command."""
    one = "".join(letter for letter in " ".join(text.split()) if letter.isprintable())
    return one if len(one) <= MOST else f"{one[:MOST]}…"
