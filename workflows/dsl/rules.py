"""Conditions as printable data: a rule can be drawn, compared between versions and explained with its operands."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from operator import eq, ge, gt, le, lt, ne
from typing import Any, Literal, NoReturn

from workflows.dsl.errors import DefinitionError

Values = Mapping[str, Mapping[str, Any]]

_OPERATORS: dict[str, Callable[[Any, Any], Any]] = {">=": ge, ">": gt, "<=": le, "<": lt, "==": eq, "!=": ne}
Operator = Literal[">=", ">", "<=", "<", "==", "!=", "in"]


def _refuse_truth() -> NoReturn:
    raise DefinitionError(
        "a rule has no truth value while it is being declared: "
        "join rules with & | ~ (not: and, or, not), and write .one_of(…) for in"
    )


class Combinable:
    """Lets authors join rules with `&`, `|` and `~`."""

    def __and__(self, other: Rule) -> All:
        return All((self, other))  # type: ignore[arg-type]

    def __or__(self, other: Rule) -> AnyOf:
        return AnyOf((self, other))  # type: ignore[arg-type]

    def __invert__(self) -> Not:
        return Not(self)  # type: ignore[arg-type]

    def __bool__(self) -> bool:
        _refuse_truth()


@dataclass(frozen=True, eq=False)
class Ref:
    """A field of an earlier result: `risk["score"]`. `source` is the node's name once the class is complete."""

    source: Any
    path: tuple[str, ...]

    def __getitem__(self, field: str) -> Ref:
        return Ref(self.source, (*self.path, field))

    def __ge__(self, other: Any) -> Compare:
        return Compare(self, ">=", other)

    def __gt__(self, other: Any) -> Compare:
        return Compare(self, ">", other)

    def __le__(self, other: Any) -> Compare:
        return Compare(self, "<=", other)

    def __lt__(self, other: Any) -> Compare:
        return Compare(self, "<", other)

    def __eq__(self, other: object) -> Compare:  # type: ignore[override]
        return Compare(self, "==", other)

    def __ne__(self, other: object) -> Compare:  # type: ignore[override]
        return Compare(self, "!=", other)

    __hash__ = object.__hash__

    def __bool__(self) -> bool:
        _refuse_truth()

    def one_of(self, *choices: Any) -> Compare:
        """True when the value is one of `choices`."""
        return Compare(self, "in", tuple(choices))

    @property
    def field(self) -> str:
        """The dotted path below the source, the name under which the value is kept."""
        return ".".join(self.path)

    def text(self) -> str:
        """How the reference is printed: `risk.score`."""
        name = self.source if isinstance(self.source, str) else getattr(self.source, "name", "?")
        return f"{name}.{self.field}"

    def value(self, values: Values) -> Any:
        """The value, or None when its step was skipped or dropped."""
        return values.get(self.source, {}).get(self.field)


@dataclass(frozen=True, eq=False)
class Compare(Combinable):
    """One comparison of a field with a constant or another field.

    False when either side is missing, except where None is what the author compares with.
    """

    left: Ref
    operator: Operator
    right: Any

    def holds(self, values: Values) -> bool:
        """Whether the comparison is true for these values."""
        left, right = self.left.value(values), _operand(self.right, values)
        if self.operator == "in":
            return left in right
        if (left is None or right is None) and self.right is not None:
            return False
        return bool(_OPERATORS[self.operator](left, right))

    def text(self) -> str:
        """The rule in words, without values."""
        right = self.right.text() if isinstance(self.right, Ref) else _literal(self.right)
        return f"{self.left.text()} {self.operator} {right}"

    def operands(self, values: Values) -> str:
        """The values that decided, for the history."""
        return _literal(self.left.value(values))

    def refs(self) -> tuple[Ref, ...]:
        """Every field the rule reads."""
        return (self.left, self.right) if isinstance(self.right, Ref) else (self.left,)


@dataclass(frozen=True, eq=False)
class _Joined(Combinable):
    parts: tuple[Rule, ...]

    def refs(self) -> tuple[Ref, ...]:
        """Every field the rule reads."""
        return tuple(ref for part in self.parts for ref in part.refs())

    def operands(self, values: Values) -> str:
        """The values that decided, for the history."""
        return ", ".join(part.operands(values) for part in self.parts)


@dataclass(frozen=True, eq=False)
class All(_Joined):
    """Every part holds."""

    def holds(self, values: Values) -> bool:
        """Whether every part is true."""
        return all(part.holds(values) for part in self.parts)

    def text(self) -> str:
        """The rule in words, without values."""
        return " and ".join(_bracketed(part) for part in self.parts)


@dataclass(frozen=True, eq=False)
class AnyOf(_Joined):
    """At least one part holds."""

    def holds(self, values: Values) -> bool:
        """Whether at least one part is true."""
        return any(part.holds(values) for part in self.parts)

    def text(self) -> str:
        """The rule in words, without values."""
        return " or ".join(_bracketed(part) for part in self.parts)


@dataclass(frozen=True, eq=False)
class Not(Combinable):
    """The part does not hold."""

    part: Rule

    def holds(self, values: Values) -> bool:
        """Whether the part is false."""
        return not self.part.holds(values)

    def text(self) -> str:
        """The rule in words, without values."""
        return f"not {_bracketed(self.part)}"

    def operands(self, values: Values) -> str:
        """The values that decided, for the history."""
        return self.part.operands(values)

    def refs(self) -> tuple[Ref, ...]:
        """Every field the rule reads."""
        return self.part.refs()


Rule = Compare | All | AnyOf | Not


def explain(rule: Rule, values: Values) -> tuple[bool, str]:
    """The rule's result and its printable reason: `(False, "risk.score >= 0.6 is false (0.12)")`."""
    result = rule.holds(values)
    return result, f"{rule.text()} is {str(result).lower()} ({rule.operands(values)})"


def renamed(rule: Rule, name: Callable[[Any], str]) -> Rule:
    """The same rule with every reference pointing at node names, as frozen definitions keep it."""
    match rule:
        case Compare(left, operator, right):
            return Compare(
                renamed_ref(left, name), operator, renamed_ref(right, name) if isinstance(right, Ref) else right
            )
        case All(parts):
            return All(tuple(renamed(part, name) for part in parts))
        case AnyOf(parts):
            return AnyOf(tuple(renamed(part, name) for part in parts))
        case Not(part):
            return Not(renamed(part, name))


def renamed_ref(ref: Ref, name: Callable[[Any], str]) -> Ref:
    """The same reference with its source replaced by the node's name."""
    return Ref(name(ref.source), ref.path)


def _operand(side: Any, values: Values) -> Any:
    return side.value(values) if isinstance(side, Ref) else side


def _bracketed(part: Rule) -> str:
    return f"({part.text()})" if isinstance(part, _Joined) else part.text()


def _literal(value: Any) -> str:
    if value is None:
        return "none"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, tuple):
        return "one of " + ", ".join(_literal(item) for item in value)
    return str(value)
