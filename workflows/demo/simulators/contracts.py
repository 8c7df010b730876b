"""The request bodies shared by several simulated services."""

from decimal import ROUND_HALF_UP, Decimal
from typing import Annotated
from uuid import uuid4

from pydantic import AfterValidator, BaseModel, Field

OrderId = Annotated[str, Field(min_length=1, max_length=200)]
#: Idempotency key of an earlier effect.
Key = Annotated[str, Field(min_length=1, max_length=1024)]
#: Money, kept to the cent.
Amount = Annotated[
    Decimal,
    Field(ge=-(10**12), le=10**12, allow_inf_nan=False),
    AfterValidator(lambda amount: amount.quantize(Decimal("0.01"), ROUND_HALF_UP)),
]


class Line(BaseModel):
    """One line of an order; the quantity of a returned line is negative."""

    sku: str = Field(min_length=1)
    quantity: int


def reference(prefix: str) -> str:
    """A number such as the service would give, e.g. `CH-9F2C41D07AB3`."""
    return f"{prefix}-{uuid4().hex[:12].upper()}"
