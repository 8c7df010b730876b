"""Tells the events of a history in the words of the business: one tone, one sentence, one explanation each."""

from __future__ import annotations

from dataclasses import dataclass

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from console.presenters.names import done_words, function_words, refused_words, step_name
from console.presenters.rules import rule_words
from console.statuswords import capital, system, words
from workflows.core import events as e
from workflows.dsl.definition import Definition, Function, Node
from workflows.queries.history import HistoryEvent


@dataclass(frozen=True, slots=True)
class Told:
    """What one event says. `tone` is a mark of the console; `note` explains and may be empty."""

    tone: str
    words: str
    note: str = ""


def tell(event: e.Event, definition: Definition | None, source: HistoryEvent) -> Told:
    """The event in words. Every type has some."""
    name = capital(step_name(definition, source.step)) if source.step else ""
    node = definition.by_name.get(source.step) if definition else None
    return (
        _told_of_instance(event, definition, source)
        or _told_of_success(event, definition, node, name)
        or _told_of_trouble(event, node, name)
        or _told_of_waiting(event, node, name)
        or _told_of_correction(event, node, name)
    )


def actor_words(source: HistoryEvent) -> str:
    """Who caused the event, unless it was the product itself."""
    if source.actor_kind == "system":
        return ""
    if source.actor_kind == "policy":
        return _("by the rule %(name)s") % {"name": source.actor}
    return _("by %(name)s") % {"name": source.actor}


def _told_of_instance(event: e.Event, definition: Definition | None, source: HistoryEvent) -> Told | None:
    who = actor_words(source)
    match event:
        case e.InstanceStarted(run=run):
            again = _("run %(run)d") % {"run": run} if run > 1 else ""
            return Told("past", _("Received"), ", ".join(filter(None, [who, again])))
        case e.StageEntered(name=stage):
            return Told("flow", _("Stage %(stage)s begins") % {"stage": stage})
        case e.DeadlineNear():
            return Told("held", _("The deadline is near"))
        case e.DeadlinePassed(escalate_to=whom):
            return Told("person", _("The deadline passed"), _("%(whom)s is told") % {"whom": whom} if whom else "")
        case e.InstancePaused(reason=reason):
            return Told("paused", _("Paused %(who)s") % {"who": who}, reason)
        case e.InstanceResumed(reason=reason):
            return Told("flow", _("Resumed %(who)s") % {"who": who}, reason)
        case e.GenerationOpened(reason=reason):
            return Told("undo", _("Taken up again to be corrected"), reason)
        case e.Reassigned(owner=owner, reason=reason):
            return Told("flow", _("%(owner)s looks after it from now on") % {"owner": owner}, reason)
        case e.InstanceEnded():
            return _told_of_end(event, definition)
    return None


def _told_of_end(event: e.InstanceEnded, definition: Definition | None) -> Told:
    tone = {"completed": "ok", "compensated": "undo", "cancelled": "cancelled"}.get(event.lifecycle, "failed")
    corrected = ", ".join(step_name(definition, name) for name in event.corrected)
    parts = [event.reason, _("Corrected: %(steps)s") % {"steps": corrected} if corrected else ""]
    return Told(tone, _("Ended: %(status)s") % {"status": words(event.status)}, " · ".join(filter(None, parts)))


def _told_of_success(event: e.Event, definition: Definition | None, node: Node | None, name: str) -> Told | None:
    match event:
        case e.StepSucceeded(how="approval"):
            return Told("past", _("%(step)s: approved") % {"step": name}, str(event.values.get("comment", "")))
        case e.StepSucceeded(how="timeout"):
            return Told(
                "past", _("%(step)s: approved without a decision") % {"step": name}, _("Nobody decided in time.")
            )
        case e.StepSucceeded(how=how, attempt=attempt, late=late):
            notes = {
                "person": _("Entered by hand: %(note)s") % {"note": event.note},
                "fallback": _("Done another way, because %(system)s could not be used.")
                % {"system": system(node.calls.name) if node and node.calls else _("the usual one")},
                "callback": _("They answered by themselves."),
                "ask": _("They were asked."),
                "check": _("A check found that it had happened."),
            }
            note = notes.get(how, _("At attempt %(n)d.") % {"n": attempt} if attempt > 1 else "")
            late_note = _("The answer came after the attempt had been given up.") if late else ""
            done = done_words(node) if node else _("%(step)s done") % {"step": name}
            return Told("past", done, " ".join(filter(None, [note, late_note])))
        case e.StepSkipped(rule=rule):
            return Told("skipped", _("%(step)s skipped") % {"step": name}, _only_when(definition, node, rule))
        case e.RouteChosen(choice=choice, rule=rule):
            return Told("past", _("%(step)s: %(choice)s") % {"step": name, "choice": choice}, rule)
        case e.VoteCast(person=person, verdict="approve", comment=comment):
            return Told("past", _("%(person)s approves") % {"person": person}, comment)
        case e.VoteCast(person=person, comment=comment):
            return Told("failed", _("%(person)s rejects") % {"person": person}, comment)
        case e.StepPassedOver(reason=reason):
            return Told("skipped", _("%(step)s passed over") % {"step": name}, reason)
        case e.EventPublished():
            return Told("past", _("%(event)s announced") % {"event": name}, _("Subscribers are told."))
        case e.TimerFired():
            return Told("past", _("%(step)s: the time came") % {"step": name})
        case e.StepWithdrawn():
            return Told("cancelled", _("%(step)s no longer wanted") % {"step": name})
        case e.NothingHadHappened():
            return Told("past", _("%(step)s: nothing had happened") % {"step": name}, _("It is done again."))
    return None


def _only_when(definition: Definition | None, node: Node | None, text: str) -> str:
    """The rule that did not hold, in words, with what it found; as it was written where no code knows it."""
    _rule, known, found = text.rpartition(" is false (")
    if definition is None or node is None or node.when is None or not known:
        return text
    about = {"rule": rule_words(definition, node.when), "found": found.removesuffix(")")}
    return _("Only when %(rule)s; it was %(found)s.") % about


def _told_of_trouble(event: e.Event, node: Node | None, name: str) -> Told | None:
    match event:
        case e.AttemptFailed():
            template = _("%(step)s: attempt %(n)d failed")
            if event.direction == "compensate":
                template = _("%(step)s: attempt %(n)d to correct it failed")
            return Told("held", template % {"step": name, "n": event.attempt}, event.error)
        case e.AttemptLost(attempt=attempt, why=why):
            return Told("held", _("%(step)s: attempt %(n)d was lost") % {"step": name, "n": attempt}, why)
        case e.StepParked(dependency=dependency):
            note = _("%(system)s is unavailable; nothing was sent and no attempt was used.")
            return Told("held", _("%(step)s waits") % {"step": name}, note % {"system": capital(system(dependency))})
        case e.FallbackScheduled(why=why):
            return Told("held", _("%(step)s is done another way") % {"step": name}, why)
        case e.CheckScheduled():
            return Told("unknown", _("%(step)s: finding out whether it happened") % {"step": name})
        case e.PersonAsked(direction="compensate", reason=reason):
            return Told("person", _("%(step)s: correcting it needs a person") % {"step": name}, reason)
        case e.PersonAsked(reason=reason):
            return Told("person", _("%(step)s needs a person") % {"step": name}, reason)
        case e.StepDropped(reason=reason):
            return Told("skipped", _("%(step)s was given up; nothing depends on it") % {"step": name}, reason)
        case e.StepRefused(reason=reason):
            return Told("failed", refused_words(node) if node else _("%(step)s refused") % {"step": name}, reason)
        case e.RetryRequested(reason=reason):
            return Told("flow", _("%(step)s is tried again") % {"step": name}, reason)
    return None


def _told_of_waiting(event: e.Event, node: Node | None, name: str) -> Told | None:
    far_side = system(node.calls.name) if node and node.calls and node.calls.adapter != "internal" else _("the answer")
    match event:
        case e.StepScheduled(rule=rule):
            return Told("ahead", _("%(step)s begins") % {"step": name}, rule)
        case e.ApprovalOpened(question=question, audience=audience, rule=rule):
            return Told(
                "wait", _("%(audience)s is asked: %(question)s") % {"audience": audience, "question": question}, rule
            )
        case e.WaitOpened():
            return Told("wait", _("%(step)s: waiting for %(system)s") % {"step": name, "system": far_side}, event.rule)
        case e.AskScheduled(round=number):
            note = _("No answer came in time; this is question %(n)d.") % {"n": number}
            return Told("wait", _("%(step)s: asking %(system)s") % {"step": name, "system": far_side}, note)
        case e.AnswerPending():
            return Told("wait", _("%(step)s: still no answer") % {"step": name}, _("Waiting goes on."))
        case e.TimerSet(rule=rule):
            return Told("wait", _("%(step)s: waiting for its time") % {"step": name}, rule)
    return None


def _told_of_correction(event: e.Event, node: Node | None, name: str) -> Told:
    how = function_words(node.compensate.name) if node and isinstance(node.compensate, Function) else ""
    match event:
        case e.CorrectionBegan(reason=reason, plan=plan, awaiting=awaiting):
            count = len(plan) + len(awaiting)
            template = ngettext("Correction begins: %(n)d effect", "Correction begins: %(n)d effects", count)
            return Told("undo", template % {"n": count} if count else _("Nothing has to be corrected"), reason)
        case e.CompensationScheduled():
            return Told("ahead", _("%(step)s: its correction begins") % {"step": name}, how)
        case e.LateEffectFound():
            return Told("unknown", _("%(step)s turned out to have happened") % {"step": name}, _("It is corrected."))
        case e.CorrectionWaived(reason=reason):
            return Told("skipped", _("%(step)s is left as it is") % {"step": name}, reason)
        case e.CompensationSucceeded(note=note) if note:
            return Told("undo", _("%(step)s corrected by hand") % {"step": name}, note)
        case e.CompensationSucceeded():
            return Told("undo", _("%(step)s corrected") % {"step": name}, how)
        case e.OutcomeAwaited(happened=happened):
            notes = {
                "yes": _("It had happened."),
                "maybe": _("It may have happened."),
                "no": _("Nothing had happened."),
            }
            return Told("undo", _("%(step)s: the running attempt ended") % {"step": name}, notes.get(happened, ""))
    return Told("past", words(type(event).__name__))
