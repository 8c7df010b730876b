"""Carries out the forms by which people act on an instance; what is refused comes back as it was typed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, QueryDict
from django.utils.translation import gettext as _

from console.presenters import acting
from console.presenters.acting import Deed, Mistyped, Sent
from workflows import interventions
from workflows.interventions import AllowedAction, Principal
from workflows.queries.details import Detail

#: a revision that no instance has
NEVER = -1


def act(
    request: HttpRequest, principal: Principal, detail: Detail, verdicts: Sequence[AllowedAction], now: datetime
) -> HttpResponse | Sent:
    """Carry out the form that was sent. Leads back to the page, so that a reload repeats nothing."""
    sent = _sent(request.POST)
    word = acting.confirmation(sent, verdicts)
    if word and request.POST.get("word", "").strip().lower() != word:
        return _refused(sent, _("Please type “%(word)s” to confirm.") % {"word": word}, 422)
    may = any(verdict.action == sent.action and verdict.allowed for verdict in verdicts)
    try:
        data = acting.data(detail, sent.action, sent.step, sent.typed) if may else {}
        interventions.act(
            principal,
            sent.action,
            detail.row.id,
            reason=sent.reason,
            step=sent.step or None,
            data=data,
            revision=_revision(acting.deeds(detail, verdicts, now).meant(sent), detail, sent),
        )
    except Mistyped as error:
        return _refused(sent, _("Please look at the fields again."), 422, error.errors)
    except interventions.InvalidInput as error:
        return _by_field(sent, error)
    except interventions.ReasonMissing as error:
        return _refused(sent, str(error), 422)
    except interventions.Forbidden as error:
        return _refused(sent, str(error), 403)
    except (interventions.Stale, interventions.Impossible) as error:
        return _refused(sent, acting.in_words(detail.definition, str(error)), 409)
    except interventions.Unknown as error:
        return _refused(sent, str(error), 400)
    return HttpResponseRedirect(f"{request.get_full_path()}#operations")


def _sent(form: QueryDict) -> Sent:
    typed = {name: text for name, text in form.items() if isinstance(text, str)}
    return Sent(
        action=form.get("action", ""),
        step=form.get("step", ""),
        reason=form.get("reason", ""),
        typed=typed,
        error="",
        errors={},
        status=200,
    )


def _revision(deed: Deed | None, detail: Detail, sent: Sent) -> int | None:
    """The revision at which the act may be done: none will do if it no longer means what the person has read."""
    if deed is None or not deed.bound:
        return None
    return detail.row.revision if sent.typed.get("meaning") == deed.meaning else NEVER


def _by_field(sent: Sent, error: interventions.InvalidInput) -> Sent:
    """What is wrong, beside the fields it is about; what is about none of them, or inside of one, is said in full."""
    errors: dict[str, str] = {}
    for problem in error.problems:
        name, inside = acting.field_of(problem.field)
        said = f"{inside}: {problem.message}" if inside else problem.message
        errors[name] = f"{errors[name]}; {said}" if name in errors else said
    beside = {name: message for name, message in errors.items() if name in sent.typed}
    rest = [f"{name}: {message}" for name, message in errors.items() if name not in beside]
    return _refused(sent, "; ".join(rest) or _("Please look at the fields again."), 422, beside)


def _refused(sent: Sent, error: str, status: int, errors: Mapping[str, str] | None = None) -> Sent:
    return Sent(sent.action, sent.step, sent.reason, sent.typed, error, errors or {}, status)
