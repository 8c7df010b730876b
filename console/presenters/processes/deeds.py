"""The forms by which people govern a process: versions for new instances, pausing and resuming their intake."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from console.presenters.acting.deeds import Refusal
from console.presenters.processes.process import Process
from workflows.interventions import AllowedAction

#: how long a pause may last, in minutes, unless somebody names a time; the one that is chosen unless somebody chooses
LASTS, USUALLY = (15, 60, 240, 1440), 60


@dataclass(frozen=True, slots=True)
class Option:
    """One choice of a field."""

    value: str
    words: str
    chosen: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Deed:
    """One act as a form. What was typed and why it failed come back with it: as a whole, or at its field."""

    action: str
    title: str
    icon: str
    does: list[str]
    keeps: list[str]
    #: choices by the name of their field
    options: Mapping[str, list[Option]] = field(default_factory=dict)
    #: what the other fields hold
    typed: Mapping[str, str] = field(default_factory=dict)
    opened: bool = False
    error: str = ""
    errors: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Deeds:
    """What a person may decide about this process, and what is refused."""

    possible: list[Deed]
    refusals: list[Refusal]

    def offers(self, action: str) -> bool:
        """Whether the act is among the possible ones."""
        return any(deed.action == action for deed in self.possible)

    def answered(self, action: str, form: Mapping[str, str], error: str, part: str) -> Deeds:
        """The same with one form open again, as it was sent, with the reason why it was not done."""
        return replace(
            self,
            possible=[_reopened(deed, form, error, part) if deed.action == action else deed for deed in self.possible],
        )


def _reopened(deed: Deed, form: Mapping[str, str], error: str, part: str) -> Deed:
    at_field = part in deed.options or part in deed.typed
    return replace(
        deed,
        opened=True,
        options={name: _chosen(options, form.get(name, "")) for name, options in deed.options.items()},
        typed={name: form.get(name, "") for name in deed.typed},
        error="" if at_field else error,
        errors={part: error} if at_field else {},
    )


def _chosen(options: Sequence[Option], value: str) -> list[Option]:
    if value not in {one.value for one in options}:
        return list(options)
    return [replace(one, chosen=one.value == value) for one in options]


def deeds(process: Process, verdicts: Sequence[AllowedAction]) -> Deeds:
    """Every act with its form or its refusal."""
    grouped: dict[str, list[str]] = {}
    for verdict in verdicts:
        if not verdict.allowed:
            grouped.setdefault(verdict.reason, []).append(_title(process, verdict.action))
    return Deeds(
        [_deed(process, verdict.action) for verdict in verdicts if verdict.allowed],
        [Refusal(titles, why) for why, titles in grouped.items()],
    )


def _title(process: Process, action: str) -> str:
    return {
        "rollout": _("Choose versions"),
        "pause": _("Change the pause") if process.decided.pause else _("Pause intake"),
        "resume": _("Resume intake"),
    }[action]


def _deed(process: Process, action: str) -> Deed:
    make = {"rollout": _rollout, "pause": _pause, "resume": _resume}[action]
    return make(process, _title(process, action))


def _rollout(process: Process, title: str) -> Deed:
    share, said = process.decided.share, {"nouns": process.nouns, "noun": process.newest.noun}
    candidate = str(share.candidate or "")
    installed = [one.version for one in reversed(process.versions)]
    versions = [(str(number), _("Version %(n)d") % {"n": number}) for number in installed]
    return Deed(
        action="rollout",
        title=title,
        icon="sliders-horizontal",
        does=[
            _("New %(nouns)s take the stable version, and the share you name takes the candidate.") % said,
            _("The share goes by number, so the same %(noun)s always takes the same version.") % said,
        ],
        keeps=[_keeps_version(process)],
        options={
            "stable": [Option(value, words, value == str(process.stable)) for value, words in versions],
            "candidate": [
                Option(value, words, value == candidate) for value, words in (("", _("None")), *versions)
            ],
        },
        typed={"percent": str(share.percent), "reason": ""},
    )  # fmt: skip


def _pause(process: Process, title: str) -> Deed:
    nouns = {"nouns": process.nouns}
    return Deed(
        action="pause",
        title=title,
        icon="pause",
        does=[
            _("No new %(nouns)s are taken in until then: whoever sends one is told when to try again.") % nouns,
            _("The pause ends by itself."),
        ],
        keeps=[_keeps_going(process)],
        options={"lasts": [Option(str(minutes), _span(minutes), minutes == USUALLY) for minutes in LASTS]},
        typed={"until": "", "reason": ""},
    )


def _resume(process: Process, title: str) -> Deed:
    return Deed(
        action="resume",
        title=title,
        icon="play",
        does=[_("New %(nouns)s are taken in again within a second.") % {"nouns": process.nouns}],
        keeps=[_keeps_going(process)],
        typed={"reason": ""},
    )


def _keeps_version(process: Process) -> str:
    count = process.count()
    if not count:
        return _("None is under way.")
    template = ngettext(
        "The one that is under way keeps its version.",
        "The %(n)s %(nouns)s under way keep their version.",
        count,
    )
    return template % {"n": f"{count:,}", "nouns": process.nouns}


def _keeps_going(process: Process) -> str:
    count = process.count()
    if not count:
        return _("None is under way.")
    template = ngettext("The one that is under way goes on.", "The %(n)s %(nouns)s under way go on.", count)
    return template % {"n": f"{count:,}", "nouns": process.nouns}


def _span(minutes: int) -> str:
    if minutes % 1440 == 0:
        return _("%(n)d d") % {"n": minutes // 1440}
    return _("%(n)d h") % {"n": minutes // 60} if minutes % 60 == 0 else _("%(n)d min") % {"n": minutes}
