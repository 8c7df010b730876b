"""The fault dials: how each simulated service misbehaves, kept over restarts, with luck that can be repeated."""

import json
import random
from dataclasses import dataclass
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from workflows.demo.simulators.store import Store

SERVICES = ("fraud", "warehouse", "payments", "erp", "carrier", "crm")

#: Share of requests or messages, 0 to 1.
Rate = Annotated[float, Field(ge=0, le=1, strict=True, allow_inf_nan=False)]
Seconds = Annotated[float, Field(ge=0, le=3600, strict=True, allow_inf_nan=False)]
Milliseconds = Annotated[float, Field(ge=0, le=600_000, strict=True, allow_inf_nan=False)]


class _Dials(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class ServiceDials(_Dials):
    """What every service can do wrong. See `misbehaviour` for the order in which the dials count."""

    #: Added to every answer, after the effect.
    latency_ms: Milliseconds = 0.0
    #: 500 before any effect.
    error_rate: Rate = 0.0
    #: 429 with `Retry-After: 1`, before any effect.
    throttle_rate: Rate = 0.0
    #: A POST does its work and stores it, then the answer hangs for `hang_s`.
    timeout_after_effect_rate: Rate = 0.0
    hang_s: Seconds = 30.0
    #: The connection is closed without an answer: half the time before the work, half the time after it.
    reset_rate: Rate = 0.0
    #: 503 to everything.
    down: Annotated[bool, Field(strict=True)] = False


class WarehouseDials(ServiceDials):
    #: Share of orders for which the stock query says no; the same orders each time.
    out_of_stock_rate: Rate = 0.0


class CallbackDials(_Dials):
    """How the ERP's callbacks go astray."""

    #: From the submission of an order to its registration.
    delay_s: Seconds = 0.3
    duplicate_rate: Rate = 0.0
    drop_rate: Rate = 0.0
    #: Held back for one to three seconds, so that later messages overtake.
    reorder_rate: Rate = 0.0


class ErpDials(ServiceDials):
    #: Share of submitted orders that the ERP refuses in its callback.
    reject_rate: Rate = 0.0
    callback: CallbackDials = CallbackDials()


class Faults(_Dials):
    """All dials; the defaults are a world in which everything works."""

    fraud: ServiceDials = ServiceDials()
    warehouse: WarehouseDials = WarehouseDials()
    payments: ServiceDials = ServiceDials()
    erp: ErpDials = ErpDials()
    carrier: ServiceDials = ServiceDials()
    crm: ServiceDials = ServiceDials()

    def of(self, service: str) -> ServiceDials:
        dials: ServiceDials = getattr(self, service)
        return dials


class FaultsRefused(Exception):
    """A change names a service or dial that does not exist, or a value out of range. The text names it."""


@dataclass
class FaultDesk:
    """The present dials, and the luck of each service."""

    store: Store
    current: Faults
    luck: dict[str, random.Random]

    @classmethod
    def open(cls, store: Store) -> "FaultDesk":
        kept = store.setting("faults")
        desk = cls(store, Faults() if kept is None else Faults.model_validate_json(kept), {})
        desk._shuffle(int(store.setting("seed") or 0))
        return desk

    def change(self, patch: Any) -> Faults:
        """Merge `patch` into the dials; `{"reset": true}` starts from the defaults. Raises `FaultsRefused`."""
        if not isinstance(patch, dict):
            raise FaultsRefused("The body must be a JSON object of services.")
        patch = dict(patch)
        reset = patch.pop("reset", False)
        if not isinstance(reset, bool):
            raise FaultsRefused("reset: must be true or false")
        before = Faults() if reset else self.current
        try:
            after = Faults.model_validate(_merged(before.model_dump(), patch))
        except ValidationError as error:
            raise FaultsRefused("; ".join(_named(each) for each in error.errors())) from error
        self.store.keep_setting("faults", after.model_dump_json())
        self.current = after
        return after

    def reseed(self, seed: int) -> None:
        """From here on, the same requests in the same order have the same luck."""
        self.store.keep_setting("seed", json.dumps(seed))
        self._shuffle(seed)

    def strikes(self, service: str, rate: float) -> bool:
        return rate > 0 and self.luck[service].random() < rate

    def _shuffle(self, seed: int) -> None:
        self.luck = {service: random.Random(f"{seed}/{service}") for service in SERVICES}


def _merged(before: dict[str, Any], patch: dict[str, Any]) -> dict[str, Any]:
    after = dict(before)
    for name, value in patch.items():
        known = before.get(name)
        after[name] = _merged(known, value) if isinstance(known, dict) and isinstance(value, dict) else value
    return after


def _named(error: Any) -> str:
    place = ".".join(str(part) for part in error["loc"])
    if error["type"] == "extra_forbidden":
        return f"{place}: there is no such service or dial"
    return f"{place}: {error['msg']}"
