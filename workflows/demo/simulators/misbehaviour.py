"""Makes the simulated services misbehave as their dials say, whatever they were asked.

The dials count in this order: down, throttled, error, connection closed; then the work is done; then latency,
connection closed, hanging. Latency comes after the work: an answer that arrives too late is about something that has
happened.
"""

import asyncio
from dataclasses import dataclass
from typing import Any, cast

from starlette.responses import JSONResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from workflows.demo.simulators.endpoints import Refused, service_of
from workflows.demo.simulators.faults import SERVICES, FaultDesk

#: Where `serve` puts the function that closes the connection of a request.
HANG_UP = "hang_up"


@dataclass(frozen=True)
class Mischief:
    """What one request has coming."""

    refusal: Response | None = None
    latency_s: float = 0.0
    close_before: bool = False
    close_after: bool = False
    hang_s: float = 0.0


class Misbehaviour:
    """ASGI middleware around the service endpoints."""

    def __init__(self, app: ASGIApp, faults: FaultDesk) -> None:
        self.app = app
        self.faults = faults

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        service = service_of(scope["path"]) if scope["type"] == "http" else None
        if service not in SERVICES:
            await self.app(scope, receive, send)
            return
        try:
            await self._misbehave(draw(self.faults, service, scope["method"]), scope, receive, send)
        except asyncio.CancelledError:
            # The server is stopping and waits for nobody; whoever still waits sees the connection close.
            await _hang_up(scope, receive)

    async def _misbehave(self, mischief: Mischief, scope: Scope, receive: Receive, send: Send) -> None:
        if mischief.close_before:
            await _hang_up(scope, receive)
        elif mischief.refusal is not None:
            await asyncio.sleep(mischief.latency_s)
            await mischief.refusal(scope, receive, send)
        else:
            await self._answer(mischief, scope, receive, send)

    async def _answer(self, mischief: Mischief, scope: Scope, receive: Receive, send: Send) -> None:
        held: list[Message] = []

        async def hold(message: Message) -> None:
            held.append(message)

        await self.app(scope, receive, hold)
        if mischief.latency_s:
            await asyncio.sleep(mischief.latency_s)
        if mischief.close_after:
            await _hang_up(scope, receive)
            return
        if mischief.hang_s:
            await _wait_for_leaving(receive, mischief.hang_s)
        for message in held:
            await send(message)


def draw(faults: FaultDesk, service: str, method: str) -> Mischief:
    dials = faults.current.of(service)
    if dials.down:
        return Mischief(Refused(503, "down", f"{service} is down.").response())
    latency_s = dials.latency_ms / 1000
    if faults.strikes(service, dials.throttle_rate):
        body = {"error": "throttled", "detail": f"Too many requests to {service}."}
        return Mischief(JSONResponse(body, 429, {"Retry-After": "1"}), latency_s)
    if faults.strikes(service, dials.error_rate):
        return Mischief(Refused(500, "broken", f"{service} failed before it did anything.").response(), latency_s)
    if faults.strikes(service, dials.reset_rate):
        before = faults.strikes(service, 0.5)
        return Mischief(latency_s=latency_s, close_before=before, close_after=not before)
    hangs = method == "POST" and faults.strikes(service, dials.timeout_after_effect_rate)
    return Mischief(latency_s=latency_s, hang_s=dials.hang_s if hangs else 0.0)


async def _hang_up(scope: Scope, receive: Receive) -> None:
    cast(dict[str, Any], scope["state"])[HANG_UP]()
    await _wait_for_leaving(receive, 10)


async def _wait_for_leaving(receive: Receive, seconds: float) -> None:
    """Return when the client has closed the connection, or after `seconds`."""

    async def left() -> None:
        while (await receive())["type"] != "http.disconnect":
            pass

    try:
        await asyncio.wait_for(left(), seconds)
    except TimeoutError:
        return
