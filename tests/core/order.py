"""The order process as stories begin with it: the usual order, and what each system usually answers."""

from __future__ import annotations

from typing import Any

from tests.core.story import Story
from workflows.core import events as e
from workflows.demo.flows import OrderFulfilment

order = OrderFulfilment.definition
ORDER: dict[str, Any] = {"total": 139.12, "order_id": "536365", "country": "United Kingdom", "cancellation": False}
ANSWERS: dict[str, dict[str, Any]] = {"submitted": {"reference": "ERP-1"}}
#: every step of an order in one possible order of events
WAY = ("stock", "risk", "reserve", "charge", "submitted", "registered", "delivery", "thanks")
#: those whose effect can be taken back
REVERSIBLE = ("reserve", "charge", "submitted", "delivery")


def an_order(**changes: Any) -> Story:
    """A new order of 139.12 pounds."""
    return Story(order).start(**{**ORDER, **changes})


def pass_step(story: Story, step: str) -> list[e.Event]:
    """The step's usual good end."""
    if step == "registered":
        return story.message("registered", accepted=True, reason=None, reference="ERP-1")
    return story.succeed(step, **ANSWERS.get(step, {}))


def order_after(step: str) -> Story:
    """An order in which everything up to and including this step has gone well."""
    story = an_order()
    for name in WAY[: WAY.index(step) + 1]:
        pass_step(story, name)
    return story
