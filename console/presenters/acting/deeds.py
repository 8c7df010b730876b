"""The forms by which people act on an instance, as values: what each does, what it asks for, and what was refused."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from console.presenters.entries import Entry
from console.presenters.plan import Planned


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether trying a step again can do harm: the answer in a few words, and what it means."""

    tone: str
    words: str
    means: str


@dataclass(frozen=True, slots=True)
class Option:
    """One of several steps that may be meant."""

    step: str
    label: str
    note: str = ""
    chosen: bool = False


@dataclass(frozen=True, slots=True)
class Sent:
    """A form as it was sent, and why it was not carried out: as a whole, or field by field."""

    action: str
    step: str
    reason: str
    typed: Mapping[str, str]
    error: str
    errors: Mapping[str, str]
    status: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Deed:
    """One act as a form. What was typed and why it failed come back with it."""

    action: str
    title: str
    icon: str
    #: the id of the form on its page
    name: str
    does: list[str]
    keeps: list[str] = field(default_factory=list)
    #: steps that the act cannot mean, each with the reason
    cannot: list[str] = field(default_factory=list)
    verdicts: list[Verdict] = field(default_factory=list)
    plan: list[Planned] = field(default_factory=list)
    lasting: list[Planned] = field(default_factory=list)
    #: the step it is about; empty where the act concerns everything or `options` are offered
    step: str = ""
    options: list[Option] = field(default_factory=list)
    entries: list[Entry] = field(default_factory=list)
    #: what the reason should say
    hint: str = ""
    #: to be typed as confirmation; empty for none
    word: str = ""
    recommended: bool = False
    #: it is only done while it still means what the person has read
    bound: bool = False
    opened: bool = False
    typed: str = ""
    error: str = ""

    @property
    def grave(self) -> bool:
        return bool(self.word)

    @property
    def meaning(self) -> str:
        """What it does and to what, as a digest: unlike the revision it outlives an attempt that failed once more."""
        parts = (self.action, self.step, self.does, self.verdicts, self.plan, self.lasting)
        steps = [(option.step, option.note) for option in self.options]
        return hashlib.sha256(repr((*parts, steps)).encode()).hexdigest()[:16]

    def is_meant(self, sent: Sent) -> bool:
        """Whether this is the form that was sent."""
        if self.action != sent.action:
            return False
        return self.step == sent.step or bool(self.options) or not sent.step

    def reopened(self, sent: Sent) -> Deed:
        """The same form as it was sent, with the reason why it was not done."""
        return replace(
            self,
            opened=True,
            typed=sent.reason,
            error=sent.error,
            options=[replace(option, chosen=option.step == sent.step) for option in self.options],
            entries=[entry.typed(sent.typed.get(entry.name, ""), sent.errors) for entry in self.entries],
        )


@dataclass(frozen=True, slots=True)
class Refusal:
    """Acts that are not possible for one and the same reason."""

    titles: list[str]
    why: str


@dataclass(frozen=True, slots=True)
class Deeds:
    """What a person may do here: at most one recommended act, the others, and what is refused."""

    recommended: Deed | None
    others: list[Deed]
    refusals: list[Refusal]

    def answered(self, sent: Sent) -> Deeds:
        """The same with one form open again, as it was sent, with the reason why it was not done."""
        meant = self.meant(sent)

        def reopen(deed: Deed) -> Deed:
            return deed.reopened(sent) if deed is meant else deed

        return replace(
            self,
            recommended=reopen(self.recommended) if self.recommended else None,
            others=[reopen(deed) for deed in self.others],
        )

    def meant(self, sent: Sent) -> Deed | None:
        """The form that was sent, as it is now; None if it is no longer possible."""
        return next((deed for deed in self._all() if deed.is_meant(sent)), None)

    def _all(self) -> list[Deed]:
        return [deed for deed in (self.recommended, *self.others) if deed]
