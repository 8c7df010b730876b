"""The simulators on a free port, someone who receives their callbacks, and short words for talking to both."""

import base64
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx
from standardwebhooks import Webhook

from workflows.demo.simulators.serve import serving
from workflows.demo.simulators.world import Options

SECRET = "whsec_" + base64.b64encode(b"a secret of thirty-two characters").decode()


@dataclass(frozen=True)
class FarSide:
    """A client of running simulators."""

    http: httpx.Client

    def post(self, path: str, body: Any, *, key: str | None = None, headers: dict[str, str] | None = None) -> Any:
        keyed = {} if key is None else {"Idempotency-Key": key}
        return self.http.post(path, json=body, headers={**keyed, **(headers or {})})

    def charge(self, key: str, *, order_id: str = "536365", amount: Any = "20.00") -> httpx.Response:
        response: httpx.Response = self.post(
            "/payments/charges", {"order_id": order_id, "amount": amount, "currency": "GBP"}, key=key
        )
        return response

    def submit(self, key: str, *, order_id: str = "536365") -> str:
        response = self.post("/erp/orders", {"order_id": order_id, "total": 20, "lines": 2}, key=key)
        return str(response.json()["reference"])

    def erp_state(self, reference: str) -> str:
        return str(self.http.get(f"/erp/orders/{reference}").json()["state"])

    def dial(self, **services: Any) -> httpx.Response:
        return self.http.put("/faults", json=services)

    def ledger(self, **params: Any) -> list[dict[str, Any]]:
        entries: list[dict[str, Any]] = self.http.get("/ledger", params=params).json()
        return entries

    def operations(self) -> list[str]:
        return [entry["operation"] for entry in self.ledger()]


@contextmanager
def far_side(store: Path, *, callback_url: str | None = None, events_secret: str | None = None) -> Iterator[FarSide]:
    options = Options(store, callback_url, SECRET, events_secret)
    with serving(options) as url, httpx.Client(base_url=url, timeout=10) as http:
        yield FarSide(http)


@dataclass(frozen=True)
class Message:
    """One callback as it came in."""

    headers: dict[str, str]
    body: bytes

    @property
    def id(self) -> str:
        return self.headers["webhook-id"]

    def verified(self) -> Any:
        return Webhook(SECRET).verify(self.body, self.headers)


@dataclass
class Receiver:
    """Takes callbacks; gives the answers it was told, then 202 for ever."""

    url: str = ""
    answers: list[int] = field(default_factory=list)
    messages: list[Message] = field(default_factory=list)
    arrived: threading.Condition = field(default_factory=threading.Condition)

    def take(self, message: Message) -> int:
        with self.arrived:
            self.messages.append(message)
            self.arrived.notify_all()
            return self.answers.pop(0) if self.answers else 202

    def wait_for(self, count: int) -> list[Message]:
        with self.arrived:
            assert self.arrived.wait_for(lambda: len(self.messages) >= count, timeout=15), self.messages
            return list(self.messages)


@contextmanager
def receiver(*answers: int) -> Iterator[Receiver]:
    taker = Receiver(answers=list(answers))

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            headers = {name.lower(): value for name, value in self.headers.items()}
            self.send_response(taker.take(Message(headers, body)))
            self.send_header("content-length", "0")
            self.end_headers()

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the name is the base class's
            return

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        taker.url = f"http://127.0.0.1:{server.server_address[1]}/api/v1/callbacks/erp"
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield taker
        finally:
            server.shutdown()
            thread.join()
