"""Runs everything on this machine: PostgreSQL, Valkey, web, workers, pump and, unless --no-demo, the demo.

Ctrl-C stops all of it. DATABASE_URL and REDIS_URL, where set, are used instead of embedded servers.
"""

from __future__ import annotations

import json
import os
import time
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, OutputWrapper

from console.embedded import discovery, plan
from console.embedded.errors import EmbeddedError
from console.embedded.places import choose, tidy
from console.embedded.postgres import APPLICATION, OWNER, Cluster
from console.embedded.preparation import preparation
from console.embedded.processes import Program, follow_parent
from console.embedded.supervisor import GaveUp, Stopped, Supervisor
from console.embedded.valkey import Valkey, find_binary
from console.embedded.wishes import Wishes

#: seconds to wait for another command that uses the database of this data directory
PATIENCE = 30.0


class Command(BaseCommand):
    help = __doc__
    requires_system_checks = ()
    _cluster: Cluster | None = None

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--port", type=int, default=8000, help="port of the console; the demo also uses the next one"
        )
        parser.add_argument("--host", default="127.0.0.1", help="address to listen on (default: %(default)s)")
        parser.add_argument("--data-dir", default="", help="where everything is kept (default: DATA_DIR or var)")
        parser.add_argument("--workers", type=int, default=2, help="worker processes (default: %(default)s)")
        parser.add_argument("--no-demo", action="store_true", help="without simulated systems, demo users and orders")

    def handle(self, *args: Any, **options: Any) -> None:
        follow_parent()
        self._began = time.monotonic()
        try:
            wishes = Wishes(
                host=options["host"],
                port=options["port"],
                data_dir=Path(settings.DATA_DIR),
                workers=options["workers"],
                demo=not options["no_demo"],
            )
            with self._ownership(wishes.data_dir):
                wishes.refuse_taken_ports()
                self._supervise(wishes)
        except (EmbeddedError, GaveUp) as error:
            raise CommandError(str(error)) from None
        except Stopped:
            pass
        self._say("stopped")

    def _ownership(self, data_dir: Path) -> Any:
        """The lock of the data directory. A second `up` is refused; a short command is waited for."""
        deadline = time.monotonic() + PATIENCE
        while not (lock := discovery.own(data_dir, "up")):
            who, pid = discovery.owner(data_dir)
            if who == "up" or time.monotonic() > deadline:
                raise CommandError(
                    f"`manage.py {who}` already runs on {data_dir} (process {pid}). "
                    "Stop it first, or choose another --data-dir and --port."
                )
            time.sleep(0.2)
        return lock

    def _supervise(self, wishes: Wishes) -> None:
        supervisor = Supervisor(wishes.data_dir / "logs", self._say)
        with supervisor.heeding_signals():
            try:
                env = self._start_services(supervisor, wishes)
                supervisor.complete(preparation(env, url=wishes.url), 300)
                self._say("tables, rights" + (" and people" if wishes.demo else ""))
                if not wishes.demo:
                    (wishes.data_dir / discovery.DEMO).unlink(missing_ok=True)
                discovery.publish(wishes.data_dir, plan.shared(env))
                self._start_processes(supervisor, wishes, plan.processes(wishes, env))
                self._announce(wishes)
                supervisor.run()
            finally:
                self._say("stopping")
                discovery.withdraw(wishes.data_dir)
        if self._cluster:
            tidy(self._cluster.places)

    def _start_services(self, supervisor: Supervisor, wishes: Wishes) -> dict[str, str]:
        """Start what the environment does not name already; the environment of all processes."""
        database_url = os.environ.get("DATABASE_URL", "")
        owner_url = os.environ.get("DATABASE_OWNER_URL", "")
        redis_url = os.environ.get("REDIS_URL", "")
        if not redis_url:
            valkey = Valkey(find_binary())
            redis_url = valkey.url
            self._start_service(supervisor, "Valkey", valkey)
        if not database_url:
            cluster = self._cluster = Cluster(choose(wishes.data_dir))
            cluster.create()
            self._start_service(supervisor, "PostgreSQL", cluster)
            cluster.furnish()
            database_url, owner_url = cluster.url(APPLICATION), cluster.url(OWNER)
            if cluster.places.data.parent != wishes.data_dir:
                self._say(f"the data is in {cluster.places.data}, where {cluster.places.user} can reach it")
        return plan.environment(wishes, database_url=database_url, owner_url=owner_url, redis_url=redis_url)

    def _start_service(self, supervisor: Supervisor, name: str, service: Cluster | Valkey) -> None:
        supervisor.start(service.program)
        supervisor.wait_for(name, service.answers, 60)
        self._say(name)

    def _start_processes(self, supervisor: Supervisor, wishes: Wishes, programs: list[Program]) -> None:
        for program in programs:
            if program.name in plan.NEEDED_FIRST:
                supervisor.start(program)
        supervisor.wait_for("The console", lambda: wishes.console_is_ready(self._known_as()), 90)
        for program in programs:
            if program.name not in plan.NEEDED_FIRST:
                supervisor.start(program)

    def _announce(self, wishes: Wishes) -> None:
        seconds = time.monotonic() - self._began
        lines = [f"Watchkeeper is ready: {wishes.url}  (after {seconds:.1f} s)"]
        if wishes.demo:
            demo = json.loads((wishes.data_dir / discovery.DEMO).read_text())
            lines += ["", f"  {'sign in as':12}{'password':18}API token"]
            lines += [f"  {name:12}{user['password']:18}{user['token']}" for name, user in demo["users"].items()]
            lines += [
                "",
                f"  Simulated systems: {demo['simulators_url']}   (also in {wishes.data_dir / discovery.DEMO})",
            ]
        lines += [f"  Logs: {wishes.data_dir / 'logs'}", "  Ctrl-C stops everything."]
        self._print("\n".join(["", *lines, "", ""]))

    def _known_as(self) -> str:
        """A host name the settings allow, for asking the web process ourselves."""
        name = str(settings.ALLOWED_HOSTS[0])
        return "localhost" if name == "*" else name.lstrip(".")

    def _say(self, text: str) -> None:
        """One calm line with the seconds since the start. A reader who went away changes nothing."""
        self._print(f"{time.monotonic() - self._began:6.1f} s  {text}\n")

    def _print(self, text: str) -> None:
        try:
            self.stdout.write(text, ending="")
            self.stdout.flush()
        except BrokenPipeError:
            self.stdout = OutputWrapper(Path(os.devnull).open("w"))  # noqa: SIM115 - for the rest of our life
