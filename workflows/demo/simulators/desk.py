"""The simulators' own endpoints: the ledger, the fault dials and whether the process is alive."""

import json
from collections.abc import AsyncIterator

from pydantic import BaseModel, ConfigDict, Field, StrictInt
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from workflows.demo.simulators import ledger
from workflows.demo.simulators.endpoints import Refused, checked, json_body
from workflows.demo.simulators.faults import FaultsRefused
from workflows.demo.simulators.world import World, world_of

#: Effects read in one go; between two goes other requests are served.
CHUNK = 500


class LedgerQuery(BaseModel):
    """Which effects are wanted; all of them by default."""

    model_config = ConfigDict(extra="forbid")

    #: Only effects with a greater `seq`.
    after: int = Field(default=0, ge=0)
    limit: int | None = Field(default=None, ge=0)
    subject: str | None = None


class Seed(BaseModel):
    model_config = ConfigDict(extra="forbid")

    seed: StrictInt


async def read_ledger(request: Request) -> Response:
    try:
        wanted = checked(LedgerQuery, dict(request.query_params))
    except Refused as refusal:
        return refusal.response()
    return StreamingResponse(_ledger_json(world_of(request), wanted), media_type="application/json")


async def _ledger_json(world: World, wanted: LedgerQuery) -> AsyncIterator[str]:
    after, left, separator = wanted.after, wanted.limit, ""
    yield "["
    while left is None or left > 0:
        size = CHUNK if left is None else min(CHUNK, left)
        effects = ledger.page(world.store.db, after=after, limit=size, subject=wanted.subject)
        if effects:
            yield separator + ",".join(json.dumps(effect.as_json()) for effect in effects)
            after, separator = effects[-1].seq or after, ","
        if len(effects) < size:
            break
        left = None if left is None else left - size
    yield "]"


async def forget_ledger(request: Request) -> Response:
    if request.headers.get("x-reset") != "yes":
        return Refused(403, "reset_not_confirmed", "Emptying the ledger needs the header X-Reset: yes.").response()
    world_of(request).store.forget_effects()
    return Response(status_code=204)


async def read_faults(request: Request) -> Response:
    return JSONResponse(world_of(request).faults.current.model_dump())


async def change_faults(request: Request) -> Response:
    world = world_of(request)
    try:
        faults = world.faults.change(await json_body(request))
    except FaultsRefused as error:
        return Refused(422, "invalid", str(error)).response()
    except Refused as refusal:
        return refusal.response()
    world.callbacks_wanted.set()
    return JSONResponse(faults.model_dump())


async def seed_faults(request: Request) -> Response:
    try:
        seed = checked(Seed, await json_body(request)).seed
    except Refused as refusal:
        return refusal.response()
    world_of(request).faults.reseed(seed)
    return JSONResponse({"seed": seed})


async def healthz(request: Request) -> Response:
    """503 when nothing delivers callbacks any more."""
    postman = world_of(request).postman
    if postman is None or postman.done():
        return Refused(
            503, "no_callbacks", "Callbacks are not delivered any more; start the simulators anew."
        ).response()
    return JSONResponse({"status": "ok"})


routes = [
    Route("/ledger", read_ledger, methods=["GET"]),
    Route("/ledger", forget_ledger, methods=["DELETE"]),
    Route("/faults", read_faults, methods=["GET"]),
    Route("/faults", change_faults, methods=["PUT"]),
    Route("/faults/seed", seed_faults, methods=["POST"]),
    Route("/healthz", healthz, methods=["GET"]),
]
