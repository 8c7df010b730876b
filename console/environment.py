"""Reads settings from the environment and refuses odd values with the name of the variable."""

from __future__ import annotations

import base64
import binascii
import importlib.util
import math
import os
import re
from collections.abc import Callable
from email.utils import parseaddr
from typing import Any, TypeVar
from urllib.parse import urlsplit

import environ
from django.core.exceptions import ImproperlyConfigured, ValidationError
from django.core.validators import validate_email

from workflows.engine import failpoints

T = TypeVar("T")


#: the host names that are allowed when none are given
LOCAL: tuple[str, ...] = ("localhost", "127.0.0.1", "[::1]")
LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1", "[::1]", "testserver", ".localhost"})


def refuse(name: str, problem: str) -> ImproperlyConfigured:
    """The error for an environment variable nobody should have to guess about."""
    return ImproperlyConfigured(f"{name}: {problem}")


def read(name: str, parse: Callable[[str], T], default: T) -> T:
    """The parsed variable, or `default` when it is unset or empty. Raises `ImproperlyConfigured` naming it."""
    raw = os.environ.get(name, "").strip()
    if not raw:
        return default
    try:
        return parse(raw)
    except ImproperlyConfigured:
        raise
    except ValueError as error:
        raise refuse(name, str(error)) from None


def text(name: str, default: str) -> str:
    return os.environ.get(name, default)


def switch(name: str, *, default: bool = False) -> bool:
    """True for 1, true, yes, on; False for 0, false, no, off; anything else is refused."""
    return read(name, _parse_switch, default)


def choice(name: str, allowed: tuple[str, ...], default: str) -> str:
    def parse(raw: str) -> str:
        for value in allowed:
            if raw.casefold() == value.casefold():
                return value
        raise ValueError(f"{raw!r} is not one of {', '.join(allowed)}.")

    return read(name, parse, default)


def whole(name: str, lowest: int, highest: int, *, default: int) -> int:
    """A whole number within these bounds."""

    def parse(raw: str) -> int:
        if not (raw.isascii() and raw.isdigit() and lowest <= int(raw) <= highest):
            raise ValueError(f"must be a whole number from {lowest} to {highest}.")
        return int(raw)

    return read(name, parse, default)


def words(name: str, default: tuple[str, ...] = ()) -> list[str]:
    """A comma-separated list; blanks around the words do not count."""
    return list(read(name, lambda raw: tuple(word.strip() for word in raw.split(",") if word.strip()), default))


def hosts(name: str) -> list[str]:
    def parse(raw: str) -> tuple[str, ...]:
        found = tuple(word.strip() for word in raw.split(",") if word.strip())
        for host in found:
            if "/" in host or " " in host or (":" in host and not host.startswith("[")):
                raise ValueError(f"{host!r} is not a host name (no scheme, no port, no path).")
        return found

    return list(read(name, parse, LOCAL))


def origins(name: str) -> list[str]:
    found = words(name)
    for origin in found:
        if not re.fullmatch(r"https?://[^/\s]+", origin):
            raise refuse(name, f"{origin!r} is not an origin such as https://console.example.com.")
    return found


def address(name: str, schemes: tuple[str, ...], default: str = "") -> str:
    """A URL with one of the schemes. The value never appears in the message: it may hold a password."""

    def parse(raw: str) -> str:
        if raw.partition("://")[0] not in schemes:
            raise ValueError(f"must be a URL that starts with {' or '.join(f'{scheme}://' for scheme in schemes)}.")
        return raw

    return read(name, parse, default)


def base(name: str) -> str:
    """Where people reach the console, such as https://console.example.com, for links in mails; empty when unset."""

    def parse(raw: str) -> str:
        if not re.fullmatch(r"https?://[^\s/?#@\\]+/?", raw) or not urlsplit(raw).hostname:
            raise ValueError(f"{raw!r} is not an address such as https://console.example.com (no path, no password).")
        _ = urlsplit(raw).port  # raises ValueError for what is no port
        return raw.rstrip("/")

    return read(name, parse, "")


def sender(name: str, default: str) -> str:
    """Who mails are from: an address, or a name with one."""

    def parse(raw: str) -> str:
        _, address = parseaddr(raw)
        try:
            validate_email(address if raw.isprintable() else "")
        except ValidationError:
            raise ValueError(f"{raw!r} is not an address such as Watchkeeper <console@example.com>.") from None
        return raw

    return read(name, parse, default)


def database(name: str, url: str) -> dict[str, Any]:
    """Django's description of the database at `url`; a socket directory may be given as `?host=`."""
    try:
        found: dict[str, Any] = environ.Env.db_url_config(url)
    except (ValueError, ImproperlyConfigured):
        raise refuse(name, "cannot be read as a URL such as postgres://user:password@host:5432/name.") from None
    if not found.get("NAME"):
        raise refuse(name, "names no database.")
    options = dict(found.get("OPTIONS", {}))
    return {**found, "HOST": options.pop("host", found.get("HOST", "")), "OPTIONS": options}


def email(name: str, default: str) -> dict[str, Any]:
    """Django's EMAIL_ settings for a URL such as smtp+tls://user:password@host:587."""
    try:
        found: dict[str, Any] = environ.Env.email_url_config(os.environ.get(name, "") or default)
    except (ValueError, ImproperlyConfigured):
        raise refuse(name, "cannot be read as a URL such as smtp+tls://user:password@host:587.") from None
    return found


def modules(name: str) -> list[str]:
    """Django apps to add, by dotted path; each must be importable."""
    found = words(name)
    for path in found:
        try:
            known = importlib.util.find_spec(path) is not None
        except (ImportError, ValueError, AttributeError):
            known = False
        if not known and not _names_app_config(path):
            raise refuse(name, f"no Python package {path!r} can be imported.")
    return found


def pace(name: str, *, demo: bool) -> float:
    """How many times faster business time passes. At least 1 in the demo, exactly 1 elsewhere."""

    def parse(raw: str) -> float:
        try:
            value = float(raw)
        except ValueError:
            raise ValueError(f"{raw!r} is not a number.") from None
        if not math.isfinite(value) or value < 1:
            raise ValueError("must be a number of at least 1.")
        if not demo and value != 1:
            raise ValueError("only the demo may change the pace; leave it out or set it to 1.")
        return value

    return read(name, parse, 60.0 if demo else 1.0)


def failpoint(name: str, *, chaos: bool) -> str:
    """A deliberate failure such as `d:kill9`; only where CHAOS=1."""

    def parse(raw: str) -> str:
        if not chaos:
            raise ValueError("works only together with CHAOS=1.")
        failpoints.read(raw)
        return raw

    return read(name, parse, "")


def webhook_secrets(name: str) -> dict[str, tuple[str, ...]]:
    """`source=whsec_…` pairs, several per source for rotation. Secrets never appear in messages."""
    found: dict[str, tuple[str, ...]] = {}
    for pair in words(name):
        source, _, secret = pair.partition("=")
        if not re.fullmatch(r"[a-z][a-z0-9_-]*", source) or not secret.startswith("whsec_"):
            raise refuse(name, f"the entry for {source[:30]!r} does not read source=whsec_….")
        try:
            key = base64.b64decode(secret.removeprefix("whsec_"), validate=True)
        except (binascii.Error, ValueError):
            key = b""
        if len(key) < 16:
            raise refuse(name, f"the secret of {source!r} is not at least 16 bytes in base64.")
        found[source] = (*found.get(source, ()), secret)
    return found


def _parse_switch(raw: str) -> bool:
    match raw.casefold():
        case "1" | "true" | "yes" | "on":
            return True
        case "0" | "false" | "no" | "off":
            return False
    raise ValueError(f"{raw!r} is neither 1 nor 0.")


def _names_app_config(path: str) -> bool:
    module, _, name = path.rpartition(".")
    try:
        return bool(module) and hasattr(importlib.import_module(module), name)
    except ImportError:
        return False
