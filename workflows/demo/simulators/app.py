"""Puts the six simulated services, the ledger and the dials together into one web application."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress

from starlette.applications import Starlette
from starlette.middleware import Middleware

from workflows.demo.simulators import carrier, crm, desk, erp, fraud, payments, warehouse
from workflows.demo.simulators.callbacks import Postman
from workflows.demo.simulators.misbehaviour import Misbehaviour
from workflows.demo.simulators.world import Options, World


def build(options: Options, clock: Callable[[], float] = time.time) -> Starlette:
    """The application. It opens its store at once and closes it when the server shuts down."""
    world = World.open(options, clock)

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        world.postman = asyncio.create_task(Postman(world).run())
        yield
        world.postman.cancel()
        with suppress(asyncio.CancelledError):
            await world.postman
        world.store.close()

    services = (fraud, warehouse, payments, erp, carrier, crm)
    app = Starlette(
        routes=[*desk.routes, *(route for service in services for route in service.routes)],
        middleware=[Middleware(Misbehaviour, faults=world.faults)],
        lifespan=lifespan,
    )
    app.state.world = world
    return app
