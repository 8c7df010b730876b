"""The CRM: thank a customer, alert the order desk, and listen to events."""

from typing import Any

from pydantic import BaseModel, ConfigDict, Field
from standardwebhooks import WebhookVerificationError
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from workflows.demo.simulators.contracts import OrderId, reference
from workflows.demo.simulators.endpoints import Ask, Refused, Reply, asked, checked, effect, json_body, once
from workflows.demo.simulators.world import World, world_of


class Thanks(BaseModel):
    order_id: OrderId


class Alert(BaseModel):
    order_id: OrderId
    reason: str


class Event(BaseModel):
    """A CloudEvent 1.0 in structured JSON form; further attributes are allowed."""

    model_config = ConfigDict(extra="allow")

    specversion: str = Field(pattern=r"^1\.0$")
    id: str = Field(min_length=1, max_length=1024)
    source: str = Field(min_length=1)
    type: str = Field(min_length=1)
    subject: str | None = None


def thank(ask: Ask[Thanks]) -> Reply:
    number = reference("MSG")
    ask.do("thank", subject=ask.body.order_id, reference=number)
    return Reply(201, {"message_id": number})


def alert(ask: Ask[Alert]) -> Reply:
    number = reference("TCK")
    ask.do("alert", subject=ask.body.order_id, reference=number)
    return Reply(201, {"ticket_id": number})


async def take_event(request: Request) -> Response:
    """The webhook sink. The event's own id is its key, so a second delivery changes nothing."""
    world = world_of(request)
    try:
        await _check_signature(world, request)
        payload: Any = await json_body(request)
        event = checked(Event, payload)
        reply = once(
            world, "crm", event.id, f"event {event.id}", lambda db: _note(asked(request, db, event.id, Event, payload))
        )
    except Refused as refusal:
        return refusal.response()
    return reply.response()


def _note(ask: Ask[Event]) -> Reply:
    ask.do("event", subject=ask.body.subject or "", reference=ask.body.type)
    return Reply(202, {"received": True})


async def _check_signature(world: World, request: Request) -> None:
    if world.events_signature is None:
        return
    try:
        world.events_signature.verify(await request.body(), dict(request.headers), json_parse=False)
    except (WebhookVerificationError, ValueError):
        raise Refused(401, "bad_signature", "The signature does not fit.") from None


routes = [
    effect("/crm/thanks", Thanks, thank),
    effect("/crm/alerts", Alert, alert),
    Route("/crm/events", take_event, methods=["POST"]),
]
