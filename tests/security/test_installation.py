"""A fresh installation is shut: random secrets, public passwords on loopback only, servers nobody else can reach."""

from __future__ import annotations

import io
import json
import os
import stat
import subprocess
import sys
from pathlib import Path
from secrets import token_urlsafe
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.management import CommandError, call_command
from django.test import Client

from console.embedded import discovery, plan
from console.embedded.errors import EmbeddedError
from console.embedded.postgres import SETTINGS
from console.embedded.valkey import Valkey
from console.embedded.wishes import Wishes
from console.management.commands.demo_users import PEOPLE
from tests.security.people import somebody

ROOT = Path(__file__).resolve().parents[2]
PUBLIC = {"DEMO": "0", "ALLOWED_HOSTS": "console.example.com", "SECRET_KEY": token_urlsafe(48)}


def wishes(tmp_path: Path, host: str, *, demo: bool = True) -> Wishes:
    return Wishes(host=host, port=8000, data_dir=tmp_path, workers=1, demo=demo)


def private(path: Path) -> bool:
    return stat.S_IMODE(path.stat().st_mode) == 0o600


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.1", "console.example.com"])
def test_the_demo_is_shown_to_no_network(tmp_path: Path, host: str) -> None:
    with pytest.raises(EmbeddedError, match="public passwords"):
        wishes(tmp_path, host)

    assert wishes(tmp_path, host, demo=False).host == host


def test_every_installation_has_a_secret_key_of_its_own(tmp_path: Path) -> None:
    keys = []
    for name in ("one", "two"):
        discovery.ensure_secret_key(tmp_path / name)
        keys.append((tmp_path / name / discovery.SECRET_KEY).read_text().strip())

    assert len(set(keys)) == 2 and all(len(key) >= 50 for key in keys)
    assert private(tmp_path / "one" / discovery.SECRET_KEY)


def test_a_secret_key_is_kept_when_the_installation_starts_again(tmp_path: Path) -> None:
    discovery.ensure_secret_key(tmp_path)
    before = (tmp_path / discovery.SECRET_KEY).read_text()
    discovery.ensure_secret_key(tmp_path)

    assert (tmp_path / discovery.SECRET_KEY).read_text() == before


def test_the_secret_of_callbacks_is_random_and_private(tmp_path: Path) -> None:
    found = [plan._webhook_secret(tmp_path), plan._webhook_secret(tmp_path)]

    assert found[0] == found[1] and found[0].startswith("whsec_")
    assert private(tmp_path / "webhook_secret")


def test_the_database_listens_to_no_network_and_its_socket_is_its_owners() -> None:
    assert SETTINGS["listen_addresses"] == "" and SETTINGS["unix_socket_permissions"] == "0700"


def test_redis_listens_on_loopback_with_a_random_password_that_no_list_of_processes_shows() -> None:
    one, two = Valkey(Path("valkey-server")), Valkey(Path("valkey-server"))

    said = one.program.stdin.decode()
    assert "bind 127.0.0.1" in said and f"requirepass {one.password}" in said
    assert one.password != two.password and len(one.password) >= 24
    assert one.password not in " ".join(one.program.argv)


@pytest.mark.django_db
def test_people_with_public_passwords_exist_in_the_demo_only(settings: Any, tmp_path: Path) -> None:
    settings.DEMO = False
    settings.DATA_DIR = tmp_path

    with pytest.raises(CommandError, match="demo only"):
        call_command("demo_users")

    assert not User.objects.filter(username__in=PEOPLE).exists()


@pytest.mark.django_db
def test_the_demos_passwords_and_tokens_are_written_for_their_owner_only(settings: Any, tmp_path: Path) -> None:
    settings.DATA_DIR = tmp_path
    call_command("demo_users", stdout=io.StringIO())

    written = tmp_path / discovery.DEMO
    assert private(written) and set(json.loads(written.read_text())["users"]) == set(PEOPLE)


@pytest.mark.django_db
def test_without_the_demo_no_passwords_are_shown_at_the_door(settings: Any) -> None:
    settings.DEMO = False

    assert "-demo" not in Client().get("/signin/").content.decode()


def test_the_fault_dials_do_not_exist_outside_the_demo() -> None:
    script = "import django; django.setup(); from django.urls import reverse; print(reverse('demo'))"

    done = _python("-c", script, **PUBLIC)

    assert "NoReverseMatch" in done.stderr


def test_the_check_for_deployment_finds_nothing_on_a_public_host() -> None:
    done = _python("manage.py", "check", "--deploy", "--fail-level", "WARNING", **PUBLIC)

    assert done.returncode == 0, done.stderr
    assert "no issues" in done.stdout


def test_debug_is_off_and_what_it_shows_is_refused_by_the_check() -> None:
    quiet = {**PUBLIC, "DEBUG": ""}
    shown = _python("-c", "from console import settings; print(settings.DEBUG)", **quiet)
    loud = _python("manage.py", "check", "--deploy", "--fail-level", "WARNING", **{**PUBLIC, "DEBUG": "1"})

    assert shown.stdout.strip() == "False" and loud.returncode != 0


@pytest.mark.django_db
@pytest.mark.parametrize("path", ["/signin/", "/", "/work/", "/admin/", "/api/docs/", "/api/v1/instances", "/nowhere/"])
def test_nothing_can_be_shown_inside_of_another_page(path: str) -> None:
    answer = somebody("ada", "admin").get(path)

    assert answer["X-Frame-Options"] == "DENY"
    assert "frame-ancestors 'none'" in answer["Content-Security-Policy"]
    assert answer["X-Content-Type-Options"] == "nosniff" and answer["Referrer-Policy"] == "same-origin"
    assert answer["Cross-Origin-Opener-Policy"] == "same-origin"


def _python(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    env = {name: value for name, value in os.environ.items() if name != "DJANGO_ALLOW_ASYNC_UNSAFE"}
    env = {**env, "DJANGO_SETTINGS_MODULE": "console.settings", **environment}
    return subprocess.run([sys.executable, *arguments], cwd=ROOT, env=env, capture_output=True, text=True, check=False)
