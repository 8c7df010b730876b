"""The three kinds of endpoint a simulated service has: query, effect (exactly once per key) and look-up by key."""

import hashlib
import json
import sqlite3
from collections.abc import Callable
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any, Generic, TypeVar

from pydantic import BaseModel, ValidationError
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from workflows.demo.simulators import ledger
from workflows.demo.simulators.faults import FaultDesk, Faults
from workflows.demo.simulators.ledger import Effect
from workflows.demo.simulators.world import World, world_of

LONGEST_KEY = 1024
LONGEST_CORRELATION_ID = 200

Body = TypeVar("Body", bound=BaseModel)


class Refused(Exception):
    """The request gets an error answer and has no effect."""

    def __init__(self, status: int, code: str, detail: str) -> None:
        super().__init__(detail)
        self.status, self.code, self.detail = status, code, detail

    def response(self) -> JSONResponse:
        return JSONResponse({"error": self.code, "detail": self.detail}, self.status)


@dataclass(frozen=True)
class Reply:
    """A successful answer."""

    status: int
    body: dict[str, Any]
    replayed: bool = False

    def response(self) -> JSONResponse:
        headers = {"Idempotent-Replay": "true"} if self.replayed else None
        return JSONResponse(self.body, self.status, headers)


@dataclass(frozen=True)
class Ask(Generic[Body]):
    """A request for an effect, with the open transaction in which it is done."""

    db: sqlite3.Connection
    service: str
    key: str
    correlation_id: str | None
    now: float
    faults: FaultDesk
    body: Body

    def do(
        self,
        operation: str,
        *,
        subject: str,
        amount: Decimal | None = None,
        reference: str | None = None,
        reverses: str | None = None,
    ) -> None:
        """Write the effect into the ledger. Refuses (409) a key whose reversal was asked for before it arrived."""
        if ledger.is_closed(self.db, self.service, self.key):
            raise Refused(409, "reversed_before_it_arrived", f"{self.key} was taken back before it arrived.")
        ledger.append(
            self.db,
            Effect(
                self.service, operation, self.key, subject, amount, self.now, reference, reverses, self.correlation_id
            ),
        )

    def find_or_close(self, operation: str, key: str) -> Effect | None:
        """The effect to take back; if it never happened, it cannot happen later either."""
        found = ledger.find(self.db, self.service, operation, key)
        if found is None:
            ledger.close_key(self.db, self.service, key)
        return found

    def undo(self, operation: str, *, original: str, original_key: str) -> bool:
        """Take back the effect under `original_key` as a whole; False if it never happened or is taken back already."""
        found = self.find_or_close(original, original_key)
        if found is None or ledger.reversals(self.db, self.service, original_key):
            return False
        self.do(operation, subject=found.subject, reference=found.reference, reverses=original_key)
        return True


def query(path: str, contract: type[Body], answer: Callable[[Body, Faults], dict[str, Any]]) -> Route:
    """A POST without effect; an `Idempotency-Key` is allowed and means nothing."""

    async def endpoint(request: Request) -> Response:
        try:
            body = checked(contract, await json_body(request))
        except Refused as refusal:
            return refusal.response()
        return JSONResponse(answer(body, world_of(request).faults.current))

    return Route(path, endpoint, methods=["POST"])


def effect(path: str, contract: type[Body], act: Callable[[Ask[Body]], Reply]) -> Route:
    """A POST that does something, exactly once for each `Idempotency-Key`."""

    async def endpoint(request: Request) -> Response:
        world = world_of(request)
        try:
            key = idempotency_key(request)
            payload = await json_body(request)
            reply = once(
                world,
                service_of(path),
                key,
                fingerprint_of(path, payload),
                lambda db: act(asked(request, db, key, contract, payload)),
            )
        except Refused as refusal:
            return refusal.response()
        world.callbacks_wanted.set()
        return reply.response()

    return Route(path, endpoint, methods=["POST"])


def lookup(path: str, operation: str, present: Callable[[World, Effect], dict[str, Any]]) -> Route:
    """A GET that tells whether the effect with `?idempotency_key=` happened: 200 with it, or 404."""

    async def endpoint(request: Request) -> Response:
        key = request.query_params.get("idempotency_key")
        if not key:
            return Refused(400, "idempotency_key_missing", "Ask with ?idempotency_key=…").response()
        world = world_of(request)
        found = ledger.find(world.store.db, service_of(path), operation, key)
        if found is None:
            return Refused(404, "not_found", f"Nothing was done under {key}.").response()
        return JSONResponse({"idempotency_key": key, **present(world, found), "at": ledger.rfc3339(found.at)})

    return Route(path, endpoint, methods=["GET"])


def once(world: World, service: str, key: str, fingerprint: str, act: Callable[[sqlite3.Connection], Reply]) -> Reply:
    """Do `act` unless `key` has an answer already; effect and answer are one transaction.

    Raises `Refused` (422) when the key was used for another request, and whatever `act` raises; then nothing is stored.
    """
    with world.store.transaction() as db:
        stored = db.execute(
            "SELECT fingerprint, status, body FROM replies WHERE service = ? AND idempotency_key = ?", (service, key)
        ).fetchone()
        if stored is None:
            reply = act(db)
            db.execute(
                "INSERT INTO replies (service, idempotency_key, fingerprint, status, body) VALUES (?, ?, ?, ?, ?)",
                (service, key, fingerprint, reply.status, json.dumps(reply.body)),
            )
            return reply
    if stored["fingerprint"] != fingerprint:
        raise Refused(422, "idempotency_key_reused", f"{key} was used for another request to {service}.")
    return replace(Reply(stored["status"], json.loads(stored["body"])), replayed=True)


def asked(request: Request, db: sqlite3.Connection, key: str, contract: type[Body], payload: Any) -> Ask[Body]:
    """The checked request. Raises `Refused` (422) for a body that breaks the contract."""
    world = world_of(request)
    return Ask(
        db=db,
        service=service_of(request.url.path),
        key=key,
        correlation_id=correlation_id(request),
        now=world.clock(),
        faults=world.faults,
        body=checked(contract, payload),
    )


def service_of(path: str) -> str:
    return path.split("/")[1]


def idempotency_key(request: Request) -> str:
    key = request.headers.get("idempotency-key", "").strip()
    if not key:
        raise Refused(400, "idempotency_key_missing", "This request changes something and needs an Idempotency-Key.")
    if len(key) > LONGEST_KEY:
        raise Refused(400, "idempotency_key_too_long", f"An Idempotency-Key has at most {LONGEST_KEY} characters.")
    return key


def correlation_id(request: Request) -> str | None:
    given = request.headers.get("x-correlation-id")
    return given[:LONGEST_CORRELATION_ID] if given else None


async def json_body(request: Request) -> Any:
    try:
        return json.loads(await request.body())
    except ValueError:
        raise Refused(400, "not_json", "The body must be JSON.") from None


def checked(contract: type[Body], payload: Any) -> Body:
    try:
        return contract.model_validate(payload)
    except ValidationError as error:
        wrong = ("{}: {}".format(".".join(map(str, each["loc"])) or "body", each["msg"]) for each in error.errors())
        raise Refused(422, "invalid", "; ".join(wrong)) from None


def fingerprint_of(path: str, payload: Any) -> str:
    """The same for the same request however its JSON is written."""
    canonical = json.dumps([path, payload], sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(canonical.encode()).hexdigest()
