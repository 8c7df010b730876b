"""`manage.py simulators` serves, says what it does, and loses nothing when it is killed."""

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import httpx

from tests.demo.far_side import SECRET, FarSide, receiver

ROOT = Path(__file__).resolve().parents[2]


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as sock:
        return int(sock.getsockname()[1])


def environment(data_dir: Path) -> dict[str, str]:
    own = {"DATA_DIR": str(data_dir), "DEMO": "1", "SECRET_KEY": 10 * "secret", "SIMULATOR_WEBHOOK_SECRET": SECRET}
    return {**os.environ, **own}


def command(port: int, *arguments: str) -> list[str]:
    return [sys.executable, str(ROOT / "manage.py"), "simulators", "--port", str(port), *arguments]


@contextmanager
def process(port: int, data_dir: Path, *arguments: str) -> Iterator[subprocess.Popen[str]]:
    with (
        (data_dir / "errors.log").open("w") as errors,
        subprocess.Popen(
            command(port, *arguments), env=environment(data_dir), stdout=subprocess.PIPE, stderr=errors, text=True
        ) as running,
    ):
        assert running.stdout is not None
        assert f"http://127.0.0.1:{port}/" in running.stdout.readline()
        try:
            yield running
        finally:
            running.kill()


def test_a_killed_process_has_kept_what_it_answered_and_sends_the_callback_after_all(tmp_path: Path) -> None:
    port = free_port()
    with receiver() as taker, httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=20) as http:
        far = FarSide(http)
        with process(port, tmp_path, "--callback-url", taker.url) as running:
            far.dial(erp={"callback": {"delay_s": 2}})
            charge_id = far.charge("k1").json()["charge_id"]
            reference = far.submit("k2")
            running.kill()
            running.wait()

        with process(port, tmp_path, "--callback-url", taker.url):
            again = far.charge("k1")
            [message] = taker.wait_for(1)

            assert again.json()["charge_id"] == charge_id
            assert far.operations() == ["charge", "register"]
            assert message.verified()["key"] == reference
    assert (tmp_path / "simulators.sqlite3").exists()


def test_an_interrupt_stops_it_soon_and_quietly_although_an_answer_hangs(tmp_path: Path) -> None:
    port = free_port()
    with process(port, tmp_path) as running, httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=20) as http:
        far = FarSide(http)
        far.dial(payments={"timeout_after_effect_rate": 1})
        with ThreadPoolExecutor(1) as pool:
            hanging = pool.submit(far.charge, "k1")
            while not far.ledger():
                continue
            running.send_signal(signal.SIGINT)

            assert running.wait(10) == 0
            assert isinstance(hanging.exception(), (httpx.RemoteProtocolError, httpx.ReadError))
    assert "Traceback" not in (tmp_path / "errors.log").read_text()


def test_a_taken_port_is_refused_with_a_sentence(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as sock:
        port = sock.getsockname()[1]
        ended = subprocess.run(command(port), env=environment(tmp_path), capture_output=True, text=True, timeout=60)

    assert ended.returncode == 1
    assert f"Cannot listen on 127.0.0.1:{port}" in ended.stderr
