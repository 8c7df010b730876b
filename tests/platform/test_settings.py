"""Odd values in the environment are refused with the variable's name, and secrets stay out of the message."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.core.exceptions import ImproperlyConfigured

from console import environment

ROOT = Path(__file__).resolve().parents[2]
SECRET = "whsec_dGVzdHMtb25seS10ZXN0cy1vbmx5LTE="

ODD: list[tuple[str, str, Callable[[str], Any]]] = [
    ("DEBUG", "maybe", environment.switch),
    ("ALLOWED_HOSTS", "https://console.example.com", environment.hosts),
    ("ALLOWED_HOSTS", "console.example.com:8000", environment.hosts),
    ("CSRF_TRUSTED_ORIGINS", "console.example.com", environment.origins),
    ("CONSOLE_APPS", "no.such.package", environment.modules),
    ("DATABASE_URL", "mysql://here/db", lambda name: environment.address(name, ("postgres", "postgresql"))),
    ("LOG_LEVEL", "loud", lambda name: environment.choice(name, ("INFO", "ERROR"), "INFO")),
    ("SESSION_HOURS", "0", lambda name: environment.whole(name, 1, 168, default=12)),
    ("SESSION_IDLE_MINUTES", "soon", lambda name: environment.whole(name, 5, 60, default=5)),
    ("PACE", "0.5", lambda name: environment.pace(name, demo=True)),
    ("PACE", "fast", lambda name: environment.pace(name, demo=True)),
    ("PACE", "inf", lambda name: environment.pace(name, demo=True)),
    ("PACE", "60", lambda name: environment.pace(name, demo=False)),
    ("FAILPOINT", "d:kill9", lambda name: environment.failpoint(name, chaos=False)),
    ("FAILPOINT", "z:kill9", lambda name: environment.failpoint(name, chaos=True)),
    ("FAILPOINT", "a:sleep", lambda name: environment.failpoint(name, chaos=True)),
    ("WEBHOOK_SECRETS", "whsec_without_source", environment.webhook_secrets),
    ("WEBHOOK_SECRETS", "erp=whsec_c2hvcnQ=", environment.webhook_secrets),
    ("EMAIL_FROM", "nobody", lambda name: environment.sender(name, "")),
    ("EMAIL_FROM", "a@example.com\nBcc: b@example.com", lambda name: environment.sender(name, "")),
    ("CONSOLE_URL", "console.example.com", environment.base),
    ("CONSOLE_URL", "https://console.example.com/decide", environment.base),
    ("CONSOLE_URL", "https://me:secret@console.example.com", environment.base),
    ("CONSOLE_URL", "https://console.example.com?next=//elsewhere", environment.base),
    ("CONSOLE_URL", "https://console.example.com:port", environment.base),
    ("CONSOLE_URL", "javascript:alert(1)", environment.base),
    ("EMAIL_URL", "pigeon://loft", lambda name: environment.email(name, "consolemail://")),
]


@pytest.mark.parametrize(("name", "value", "read"), ODD)
def test_an_odd_value_is_refused_by_name(
    name: str, value: str, read: Callable[[str], Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(name, value)

    with pytest.raises(ImproperlyConfigured, match=f"^{name}: "):
        read(name)


def test_a_refusal_does_not_repeat_a_secret(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WEBHOOK_SECRETS", "erp=whsec_not*base64*but*private")
    with pytest.raises(ImproperlyConfigured) as refused:
        environment.webhook_secrets("WEBHOOK_SECRETS")
    assert "private" not in str(refused.value)

    monkeypatch.setenv("REDIS_URL", "redsi://:hidden@host")
    with pytest.raises(ImproperlyConfigured) as refused:
        environment.address("REDIS_URL", ("redis",))
    assert "hidden" not in str(refused.value)


def test_a_source_may_have_several_secrets_while_they_are_rotated(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WEBHOOK_SECRETS", f"erp={SECRET}, erp={SECRET} ,carrier={SECRET}")

    assert environment.webhook_secrets("WEBHOOK_SECRETS") == {"erp": (SECRET, SECRET), "carrier": (SECRET,)}


def test_a_socket_directory_in_the_database_url_becomes_the_host() -> None:
    found = environment.database("DATABASE_URL", "postgresql://me@/orders?host=/tmp/Sockets")

    assert (found["NAME"], found["USER"], found["HOST"]) == ("orders", "me", "/tmp/Sockets")


@pytest.mark.parametrize(
    ("changes", "refusal"),
    [
        ({"SECRET_KEY": ""}, "SECRET_KEY: "),
        ({"SECRET_KEY": "short"}, "SECRET_KEY: "),
        ({"ALLOWED_HOSTS": "console.example.com"}, "ALLOWED_HOSTS: the demo"),
        ({"DEMO": "0", "PACE": "60"}, "PACE: "),
    ],
)
def test_a_process_with_unsafe_settings_does_not_start(changes: dict[str, str], refusal: str, tmp_path: Path) -> None:
    env = {**os.environ, "DATA_DIR": str(tmp_path), **changes}

    done = subprocess.run(
        [sys.executable, "-c", "import console.settings"],
        cwd=ROOT,
        env=env,
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode != 0
    assert refusal in done.stderr.splitlines()[-1]


def test_behind_a_public_name_cookies_and_addresses_insist_on_tls(tmp_path: Path) -> None:
    env = {**os.environ, "DATA_DIR": str(tmp_path), "DEMO": "0", "ALLOWED_HOSTS": "console.example.com"}
    asked = "SESSION_COOKIE_SECURE", "CSRF_COOKIE_SECURE", "SECURE_SSL_REDIRECT", "SECURE_HSTS_SECONDS"
    script = f"from console import settings; print(all(getattr(settings, name) for name in {asked}))"

    done = subprocess.run([sys.executable, "-c", script], cwd=ROOT, env=env, capture_output=True, text=True, check=True)

    assert done.stdout.strip() == "True"
