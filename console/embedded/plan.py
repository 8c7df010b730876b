"""Which processes make a whole installation on one machine, and with which environment."""

from __future__ import annotations

import base64
import os
import secrets
import signal
import sys
from collections.abc import Mapping
from pathlib import Path

from console.embedded import discovery
from console.embedded.preparation import PROJECT, manage
from console.embedded.processes import Program
from console.embedded.wishes import Wishes

#: what /readyz asks for; on a small machine the others start when these have
NEEDED_FIRST = frozenset({"web", "pump"})


def environment(wishes: Wishes, *, database_url: str, owner_url: str, redis_url: str) -> dict[str, str]:
    """What every process of this installation runs with, on top of what `up` itself was given."""
    env = {
        **os.environ,
        "DATA_DIR": str(wishes.data_dir),
        "DATABASE_URL": database_url,
        "DATABASE_OWNER_URL": owner_url,
        "REDIS_URL": redis_url,
        "DEMO": "1" if wishes.demo else "0",
        "CONSOLE_URL": os.environ.get("CONSOLE_URL") or wishes.url,
        "PYTHONUNBUFFERED": "1",
    }
    if wishes.demo:
        secret = _webhook_secret(wishes.data_dir)
        callbacks = f"erp={secret}"
        env |= {
            "SIMULATORS_URL": wishes.simulators_url,
            "SIMULATOR_CALLBACK_URL": f"{wishes.url}api/v1/callbacks/erp",
            "SIMULATOR_WEBHOOK_SECRET": secret,
            "WEBHOOK_SECRETS": ",".join(filter(None, [os.environ.get("WEBHOOK_SECRETS", ""), callbacks])),
        }
    return env


def shared(env: Mapping[str, str]) -> dict[str, str]:
    """The part of the environment that commands beside a running `up` need to act as part of it."""
    names = (
        "DATABASE_URL", "DATABASE_OWNER_URL", "REDIS_URL", "DEMO", "PACE", "SIMULATORS_URL", "WEBHOOK_SECRETS",
        "SIMULATOR_WEBHOOK_SECRET", "CONSOLE_APPS", "CONSOLE_ENVIRONMENT", "CONSOLE_URL",
    )  # fmt: skip
    return {name: env[name] for name in names if env.get(name)}


def processes(wishes: Wishes, env: Mapping[str, str]) -> list[Program]:
    """In the order they start. The owner's rights are not passed on to them."""
    env = {name: value for name, value in env.items() if name != "DATABASE_OWNER_URL"}
    workers = [_worker(f"worker-{n}", ("-X", "quarantine"), 4, env) for n in range(1, wishes.workers + 1)]
    others = [*workers, _worker("quarantine", ("-Q", "quarantine"), 1, env)]
    if wishes.demo:
        listening = ("--host", "127.0.0.1", "--port", str(wishes.simulators_port))
        others.append(manage("simulators", "simulators", *listening, env=env))
        others.append(manage("trickle", "trickle", env=env, may_finish=True))
    return [_web(wishes, env), manage("pump", "pump", env=env), *others]


def _web(wishes: Wishes, env: Mapping[str, str]) -> Program:
    return Program(
        name="web",
        argv=(
            *(sys.executable, "-m", "uvicorn", "console.asgi:application"),
            *("--host", wishes.host, "--port", str(wishes.port)),
            *("--lifespan", "off", "--timeout-graceful-shutdown", "5", "--ws", "websockets-sansio", "--no-access-log"),
        ),
        env={**env, "WATCHKEEPER_PROCESS": "web"},
        cwd=PROJECT,
    )


def _worker(name: str, queues: tuple[str, ...], threads: int, env: Mapping[str, str]) -> Program:
    """SIGQUIT is Celery's soft shutdown: it finishes what it can in `worker_soft_shutdown_timeout`.

    A worker leaves with EX_SOFTWARE when one of its threads is stuck (`workflows.engine.sessions`).
    """
    return Program(
        name=name,
        argv=(
            *(sys.executable, "-m", "celery", "-A", "console", "worker", "--hostname", f"{name}@%h"),
            *("--pool", "threads", "-c", str(threads), *queues, "--loglevel", "WARNING"),
            *("--without-gossip", "--without-mingle", "--without-heartbeat"),
        ),
        env={**env, "WATCHKEEPER_PROCESS": name},
        cwd=PROJECT,
        stop_signal=signal.SIGQUIT,
        leaves_with=os.EX_SOFTWARE,
    )


def _webhook_secret(data_dir: Path) -> str:
    """With which the simulated systems sign what they send; made once per installation."""
    path = data_dir / "webhook_secret"
    if not path.exists():
        discovery.write_private(path, f"whsec_{base64.b64encode(secrets.token_bytes(24)).decode()}\n")
    return path.read_text().strip()
