"""What every simulated endpoint has at hand: the store, the dials, the time and where callbacks go."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import cast
from urllib.parse import urlsplit

from standardwebhooks import Webhook
from starlette.requests import Request

from workflows.demo.simulators.faults import FaultDesk
from workflows.demo.simulators.store import Store


@dataclass(frozen=True)
class Options:
    """How the simulators are started."""

    #: The SQLite file; created if missing.
    store: Path
    #: Where the ERP sends its callbacks; None sends none (they stay stored).
    callback_url: str | None = None
    #: `whsec_…`, signs the callbacks. Without it none are sent.
    webhook_secret: str | None = None
    #: `whsec_…`, checks events sent to the CRM; None takes any event.
    events_secret: str | None = None


@dataclass
class World:
    """The running simulators. Lives in one event loop, so nothing between two awaits is interrupted."""

    options: Options
    store: Store
    faults: FaultDesk
    #: Seconds since the epoch.
    clock: Callable[[], float]
    signature: Webhook | None
    events_signature: Webhook | None
    #: Delivers the callbacks while the server runs.
    postman: asyncio.Task[None] | None = None
    #: Set when there may be a new callback to send.
    callbacks_wanted: asyncio.Event = field(default_factory=asyncio.Event)

    @classmethod
    def open(cls, options: Options, clock: Callable[[], float]) -> "World":
        """Raises `ValueError` if the address is not http(s) or a secret is not `whsec_` and base64."""
        _check_url(options.callback_url)
        signature = _webhook("webhook secret", options.webhook_secret)
        events_signature = _webhook("events secret", options.events_secret)
        store = Store(options.store)
        return cls(options, store, FaultDesk.open(store), clock, signature, events_signature)


def world_of(request: Request) -> World:
    return cast(World, request.app.state.world)


def _check_url(url: str | None) -> None:
    if url is not None and (urlsplit(url).scheme not in ("http", "https") or not urlsplit(url).hostname):
        raise ValueError(f"The callback address {url} must be a http or https URL.")


def _webhook(name: str, secret: str | None) -> Webhook | None:
    if secret is None:
        return None
    try:
        return Webhook(secret)
    except Exception as error:
        raise ValueError(f"The {name} must be whsec_ followed by base64.") from error
