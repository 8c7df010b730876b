"""The systems the wholesaler's processes call: what each owns, how it fails, and how patient we are."""

from __future__ import annotations

from workflows.dsl import Dependency, Retry, minutes, seconds

_PATIENT = Retry(attempts=8, first=seconds(0.5), factor=2, cap=seconds(20))

fraud = Dependency(
    "fraud",
    timeout=seconds(3),
    repeats="natural",
    retry=_PATIENT,
    address="{SIMULATORS_URL}",
    owns=["risk scores"],
    failure_modes=["slow at month end", "answers 500 while it is being updated"],
    contact="fraud-team",
)
payments = Dependency(
    "payments",
    timeout=seconds(4),
    repeats="by_key",
    retry=Retry(attempts=10, first=seconds(0.5), factor=2, cap=seconds(20)),
    address="{SIMULATORS_URL}",
    owns=["charges", "refunds"],
    failure_modes=["throttles with Retry-After", "charges and then times out; the same key returns the stored charge"],
    contact="payments-team",
)
erp = Dependency(
    "erp",
    timeout=seconds(5),
    repeats="by_key",
    retry=_PATIENT,
    adapter="acknowledged",
    address="{SIMULATORS_URL}",
    owns=["registered orders"],
    failure_modes=["answers minutes later by callback", "answers twice", "does not answer"],
    contact="erp-team",
)
warehouse = Dependency(
    "warehouse",
    timeout=seconds(3),
    repeats="by_key",
    retry=_PATIENT,
    address="{SIMULATORS_URL}",
    owns=["stock", "reservations"],
    failure_modes=["closes the connection during inventory"],
    contact="warehouse",
)
carrier = Dependency(
    "carrier",
    timeout=seconds(3),
    repeats="by_key",
    retry=_PATIENT,
    address="{SIMULATORS_URL}",
    owns=["shipments"],
    failure_modes=["slow before holidays"],
    contact="shipping",
)
crm = Dependency(
    "crm",
    timeout=seconds(3),
    repeats="by_key",
    retry=Retry(attempts=4, first=seconds(0.5), factor=2, cap=seconds(5)),
    address="{SIMULATORS_URL}",
    owns=["customer letters", "order desk alerts"],
    failure_modes=["down at night"],
    contact="crm-team",
)
#: The order process itself, as a return sees it.
orders = Dependency(
    "orders",
    timeout=seconds(10),
    repeats="natural",
    adapter="internal",
    retry=Retry(attempts=60, first=seconds(1), factor=1.5, cap=minutes(1)),
    owns=["orders"],
    contact="order-desk",
)
