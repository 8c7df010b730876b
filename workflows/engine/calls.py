"""The attempt as a step function sees it, and its HTTP client: time-out, key and correlation id on every call."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from email.utils import parsedate_to_datetime
from functools import cache, cached_property
from typing import Any, TypeVar
from urllib.parse import urlsplit

import httpx
from django.conf import settings

from workflows.dsl.dependency import Dependency
from workflows.dsl.errors import OutcomeUnknown, PermanentFailure, TemporaryFailure
from workflows.engine import clock, hosts, store

T = TypeVar("T")


@dataclass(frozen=True)
class RunningCall:
    """Implements `workflows.dsl.Call`."""

    key: str
    forward_key: str
    attempt: int
    deadline: datetime
    correlation_id: str
    instance_id: str
    workflow: str
    business_key: str
    reason: str
    dependency: Dependency

    @cached_property
    def http(self) -> HttpClient:
        """The client of the step's dependency."""
        return HttpClient(self)

    def once(self, name: str, function: Callable[[], T]) -> T:
        """Run a sub-operation once per key; its first JSON result is stored and returned ever after.

        Two attempts that run it at the same time may both execute it; the first stored result wins for both.
        """
        found = store.run("SELECT result FROM workflows_onceresult WHERE key = $1 AND name = $2", (self.key, name))
        if not found:
            result = json.dumps(function())
            store.run(_STORE, (self.key, name, self.instance_id, result))
            found = store.run("SELECT result FROM workflows_onceresult WHERE key = $1 AND name = $2", (self.key, name))
        stored: T = json.loads(found[0][0])
        return stored


_STORE = """
INSERT INTO workflows_onceresult (key, name, instance_id, result, at) VALUES ($1, $2, $3::uuid, $4, now())
ON CONFLICT (key, name) DO NOTHING
"""


@dataclass(frozen=True)
class HttpClient:
    """Calls one dependency's declared host and nobody else; redirects are not followed."""

    call: RunningCall

    def get(self, path: str, **params: Any) -> Any:
        """GET a JSON object; None when the far side says 404."""
        return self._send("GET", path, params=params)

    def post(self, path: str, body: Any) -> Any:
        """POST a JSON object with the call's idempotency key."""
        return self._send("POST", path, body=body)

    def _send(self, method: str, path: str, *, body: Any = None, params: dict[str, Any] | None = None) -> Any:
        dependency = self.call.dependency
        parts = urlsplit(path)
        if parts.scheme or parts.netloc or not path.startswith("/"):
            raise PermanentFailure(f"{dependency.name} is called below its own address only, not at {path[:100]!r}")
        remaining = max((self.call.deadline - clock.now()).total_seconds(), 0.05)
        headers = {"Idempotency-Key": self.call.key, "X-Correlation-ID": self.call.correlation_id}
        try:
            response = _client(dependency.name, address(dependency)).request(
                method, path, json=body, params=params, headers=headers, timeout=remaining
            )
        except (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout) as error:
            raise TemporaryFailure(f"{dependency.name} cannot be reached ({type(error).__name__})") from error
        except httpx.HTTPError as error:
            raise _broken(
                method, dependency.name, f"did not answer in time or broke off ({type(error).__name__})"
            ) from error
        return _answer(method, dependency.name, response)


def _answer(method: str, name: str, response: httpx.Response) -> Any:
    status = response.status_code
    if status == 404 and method == "GET":
        return None
    if status in (429, 503):
        raise TemporaryFailure(f"{name} asks to wait ({status})", after=_retry_after(response))
    if status >= 500:
        raise _broken(method, name, f"failed ({status})")
    if status >= 300:
        raise PermanentFailure(f"{name} does not accept the request ({status}): {response.text[:200]}")
    try:
        return response.json()
    except ValueError as error:
        raise _broken(method, name, "answered something that is not JSON") from error


def _broken(method: str, name: str, what: str) -> TemporaryFailure:
    """After a broken GET nothing has happened; after a broken POST nobody knows."""
    return TemporaryFailure(f"{name} {what}") if method == "GET" else OutcomeUnknown(f"{name} {what}")


def _retry_after(response: httpx.Response) -> timedelta | None:
    """RFC 9110 Retry-After: seconds or a date."""
    text = response.headers.get("Retry-After", "")
    if text.isdigit():
        return timedelta(seconds=min(int(text), 3600))
    try:
        return max(parsedate_to_datetime(text) - clock.now(), timedelta(0)) if text else None
    except (TypeError, ValueError):
        return None


def address(dependency: Dependency) -> str:
    """The dependency's base address; `{NAME}` stands for the setting of that name."""
    names = {name: getattr(settings, name) for name in ("SIMULATORS_URL",) if hasattr(settings, name)}
    url = dependency.address.format_map({**names, **getattr(settings, "DEPENDENCY_ADDRESSES", {})})
    host = urlsplit(url).hostname
    if urlsplit(url).scheme not in ("http", "https") or not host:
        raise PermanentFailure(f"{dependency.name} has no usable address ({dependency.address!r})")
    if hosts.never_meant(host):
        raise PermanentFailure(f"{dependency.name} has an address that is never a business system ({host})")
    return url


@cache
def _client(name: str, base: str) -> httpx.Client:
    limits = httpx.Limits(max_connections=64, max_keepalive_connections=32)
    return httpx.Client(base_url=base, follow_redirects=False, limits=limits, trust_env=False)
