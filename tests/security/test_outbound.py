"""Steps call the hosts that their dependency declares, and nobody else, whatever they or the far side say."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread

import pytest

from tests.worlds import principal
from workflows.dsl import Dependency, PermanentFailure, seconds
from workflows.engine import calls, clock
from workflows.engine.calls import HttpClient, RunningCall, address
from workflows.engine.hosts import never_meant
from workflows.interventions import subscriptions
from workflows.interventions.subscriptions import UnsafeAddress
from workflows.models import AuditEntry, Subscription

pytestmark = pytest.mark.django_db


class Far(BaseHTTPRequestHandler):
    """Sends everybody somewhere else, and notes who came."""

    seen: list[str] = []

    def do_GET(self) -> None:
        self.seen.append(self.path)
        self.send_response(302)
        self.send_header("Location", "http://169.254.169.254/latest/meta-data/")
        self.end_headers()

    def log_message(self, *words: object) -> None:
        """Silence."""


@pytest.fixture
def far() -> Iterator[str]:
    server = HTTPServer(("127.0.0.1", 0), Far)
    Far.seen.clear()
    Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


def client(base: str) -> HttpClient:
    dependency = Dependency("far_away", timeout=seconds(5), repeats="natural", address=base)
    calls._client.cache_clear()
    call = RunningCall("k", "k", 1, clock.now() + timedelta(seconds=5), "c", "i", "w", "b", "", dependency)
    return HttpClient(call)


@pytest.mark.parametrize("path", ["http://evil.example/", "//evil.example/x", "evil", "https:/x", "\\\\evil/x"])
def test_a_step_cannot_leave_the_declared_host(far: str, path: str) -> None:
    with pytest.raises(PermanentFailure, match="below its own address only"):
        client(far).get(path)

    assert Far.seen == []


def test_a_redirect_is_an_answer_and_is_not_followed(far: str) -> None:
    with pytest.raises(PermanentFailure, match=r"does not accept the request \(302\)"):
        client(far).get("/orders")

    assert Far.seen == ["/orders"]


NEVER = [
    "169.254.169.254", "[fe80::1]", "0.0.0.0", "224.0.0.1", "[::ffff:169.254.169.254]", "[2002:a9fe:a9fe::]", "0",
    "2852039166", "0xa9fea9fe", "0251.0376.0251.0376", "169.254.43518", "169.254.169.254.", "１６９.254.169.254",
    "169。254。169。254",
]  # fmt: skip


@pytest.mark.parametrize("host", NEVER)
def test_addresses_that_are_never_a_business_system_are_refused(host: str) -> None:
    with pytest.raises(PermanentFailure, match="never a business system"):
        address(Dependency("far_away", timeout=seconds(5), repeats="natural", address=f"http://{host}/"))


@pytest.mark.parametrize("host", NEVER)
def test_events_are_sent_to_none_of_them_either(host: str) -> None:
    with pytest.raises(UnsafeAddress, match="link-local"):
        subscriptions.subscribe(principal("ada", "admin"), "spy", f"http://{host}/latest")

    assert not AuditEntry.objects.get(action="subscribe").allowed and not Subscription.objects.exists()


@pytest.mark.parametrize("host", ["crm.example", "10.0.0.7", "127.0.0.1", "[::1]", "[2001:db8::1]", "169.example"])
def test_ordinary_hosts_are_called(host: str) -> None:
    assert not never_meant(host.strip("[]"))


@pytest.mark.parametrize("base", ["file:///etc/passwd", "ftp://example.com/", "example.com", "http://"])
def test_only_http_is_spoken(base: str) -> None:
    with pytest.raises(PermanentFailure, match="no usable address"):
        address(Dependency("far_away", timeout=seconds(5), repeats="natural", address=base))
