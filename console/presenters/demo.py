"""Says in plain words how the simulated systems misbehave, and offers the dials to change that."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from django.utils.translation import gettext as _

from console.statuswords import capital, words
from workflows.demo import dependencies
from workflows.demo.simulators.faults import SERVICES, Faults
from workflows.dsl import Dependency


class NotANumber(ValueError):
    """Something else than a number of the right size was typed; the text says where."""


@dataclass(frozen=True, slots=True)
class Dial:
    """One dial as a form field. Shares are shown in percent; `unit` is %, ms, s or empty for a switch."""

    name: str
    label: str
    unit: str
    value: str
    most: int
    on: bool = False


@dataclass(frozen=True, slots=True)
class System:
    """One simulated system: what it owns, how it behaves now, and its dials."""

    name: str
    title: str
    owns: str
    behaviour: list[str]
    turned: bool
    dials: list[Dial]
    error: str = ""


@dataclass(frozen=True, slots=True)
class Preset:
    """Several dials at once; all others go back to healthy."""

    name: str
    title: str
    does: str
    #: the dials stand exactly like this now
    on: bool = False


#: preset -> what is sent to the simulated systems
PATCHES: dict[str, dict[str, Any]] = {
    "healthy": {"reset": True},
    "payments-down": {"reset": True, "payments": {"down": True}},
    "charged-then-silent": {"reset": True, "payments": {"timeout_after_effect_rate": 0.5, "hang_s": 10.0}},
    "erp-late": {"reset": True, "erp": {"callback": {"delay_s": 30.0}}},
    "erp-refuses": {"reset": True, "erp": {"reject_rate": 0.33}},
    "callbacks-astray": {
        "reset": True,
        "erp": {"callback": {"duplicate_rate": 0.5, "drop_rate": 0.2, "reorder_rate": 0.5}},
    },
}

#: field -> (unit, greatest value); rates come as percent
_UNITS = {"latency_ms": ("ms", 600_000), "hang_s": ("s", 3600), "delay_s": ("s", 3600)}
_SERVICES: dict[str, Dependency] = {name: getattr(dependencies, name) for name in SERVICES}


def presets(faults: Faults | None) -> list[Preset]:
    """The presets in the order of the page; the one that is in force is marked."""
    return [replace(preset, on=faults == _with(PATCHES[preset.name])) for preset in _presets()]


def _with(change: dict[str, Any]) -> Faults:
    """All dials healthy but for this change."""
    return Faults.model_validate({name: value for name, value in change.items() if name != "reset"})


def _presets() -> list[Preset]:
    return [
        Preset("healthy", _("Everything healthy"), _("All dials back. What waits is caught up by itself.")),
        Preset("payments-down", _("Break payments"), _("Charges fail and are tried again with the same key.")),
        Preset(
            "charged-then-silent",
            _("Charge, then say nothing"),
            _("Half of the charges happen without an answer. Nobody pays twice."),
        ),
        Preset("erp-late", _("ERP answers late"), _("The answer comes after the time-out, so the ERP is asked.")),
        Preset("erp-refuses", _("ERP refuses a third"), _("Refused orders are corrected: refund, release of stock.")),
        Preset("callbacks-astray", _("Callbacks go astray"), _("They come twice, out of order, or not at all.")),
    ]


def systems(faults: Faults, wrong: tuple[str, str] | None = None) -> list[System]:
    """All simulated systems; `wrong` names one and says what was wrong with the form it got."""
    return [_system(name, faults, wrong[1] if wrong and wrong[0] == name else "") for name in SERVICES]


def _system(name: str, faults: Faults, error: str) -> System:
    dials = _flat(faults.of(name).model_dump())
    healthy = _flat(Faults().of(name).model_dump())
    behaviour = [_sentence(field, value) for field, value in dials.items() if value != healthy[field]]
    return System(
        name=name,
        title=capital(words(name)),
        owns=", ".join(_SERVICES[name].owns),
        behaviour=[sentence for sentence in behaviour if sentence],
        turned=dials != healthy,
        dials=[_dial(field, dials[field], on=dials[field] != healthy[field]) for field in _ordered(dials)],
        error=error,
    )


def _flat(dials: Mapping[str, Any]) -> dict[str, Any]:
    """The dials of a service in one level; those of its callbacks under `callback.`."""
    flat: dict[str, Any] = {}
    for name, value in dials.items():
        if isinstance(value, Mapping):
            flat |= {f"{name}.{inner}": each for inner, each in value.items()}
        else:
            flat[name] = value
    return flat


def _ordered(dials: Mapping[str, Any]) -> list[str]:
    """The dials of the page, the most used first."""
    return ["down", "error_rate", *(field for field in dials if field not in ("down", "error_rate", "hang_s"))]


def _dial(field: str, value: Any, *, on: bool) -> Dial:
    if isinstance(value, bool):
        return Dial(field, _label(field), "", "", 1, on)
    unit, most = _unit(field)
    shown = round(value * 100, 4) if unit == "%" else value
    return Dial(field, _label(field), unit, f"{shown:g}", most, on)


def _unit(field: str) -> tuple[str, int]:
    return _UNITS.get(field.rpartition(".")[2], ("%", 100))


def _label(field: str) -> str:
    return {
        "down": _("Is down"),
        "latency_ms": _("Answers slower by"),
        "error_rate": _("Fails before it did anything"),
        "throttle_rate": _("Asks to wait"),
        "timeout_after_effect_rate": _("Does it, then says nothing"),
        "reset_rate": _("Closes the connection"),
        "out_of_stock_rate": _("Says: not in stock"),
        "reject_rate": _("Refuses the order"),
        "callback.delay_s": _("Calls back after"),
        "callback.duplicate_rate": _("Calls back twice"),
        "callback.drop_rate": _("Never calls back"),
        "callback.reorder_rate": _("Calls back out of order"),
    }[field]


def _sentence(field: str, value: Any) -> str:
    """How a turned dial is told."""
    share = {"share": f"{round(value * 100, 4):g} %"} if not isinstance(value, bool) else {}
    match field:
        case "down":
            return _("It is down.")
        case "latency_ms":
            return _("Every answer takes %(ms)s ms longer.") % {"ms": f"{value:g}"}
        case "error_rate":
            return _("It fails %(share)s of calls.") % share
        case "throttle_rate":
            return _("It asks to wait in %(share)s of calls.") % share
        case "timeout_after_effect_rate":
            return _("In %(share)s of calls it does what was asked, then says nothing.") % share
        case "reset_rate":
            return _("It closes the connection in %(share)s of calls.") % share
        case "out_of_stock_rate":
            return _("%(share)s of orders are not in stock.") % share
        case "reject_rate":
            return _("It refuses %(share)s of orders.") % share
        case "callback.delay_s":
            return _("It calls back after %(s)s s.") % {"s": f"{value:g}"}
        case "callback.duplicate_rate":
            return _("%(share)s of its callbacks come twice.") % share
        case "callback.drop_rate":
            return _("%(share)s of its callbacks never come.") % share
        case "callback.reorder_rate":
            return _("%(share)s of its callbacks come out of order.") % share
    return ""


def patch(system: str, form: Mapping[str, str]) -> dict[str, Any]:
    """What the form of one system asks for. Raises NotANumber, or KeyError for a system there is not."""
    if system not in SERVICES:
        raise KeyError(system)
    wanted: dict[str, Any] = {}
    for field, value in _flat(Faults().of(system).model_dump()).items():
        if field == "hang_s":
            continue
        target, name = wanted, field
        if "." in field:
            outer, name = field.split(".")
            target = wanted.setdefault(outer, {})
        target[name] = field in form if isinstance(value, bool) else _number(field, form.get(field, ""))
    return {system: wanted}


def _number(field: str, text: str) -> float:
    unit, most = _unit(field)
    try:
        value = float(text.strip().replace(",", ".") or 0)
    except ValueError:
        value = -1.0
    if not 0 <= value <= most:
        raise NotANumber(
            _("“%(label)s” takes a number from 0 to %(most)d %(unit)s.")
            % {"label": _label(field), "most": most, "unit": unit}
        )
    return value / 100 if unit == "%" else value
