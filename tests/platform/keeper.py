"""A process that supervises what its first argument describes, for tests that must be able to kill a supervisor."""

from __future__ import annotations

import json
import signal
import sys
from pathlib import Path

from console.embedded import processes, supervisor
from console.embedded.processes import Program


def main() -> None:
    order = json.loads(sys.argv[1])
    if order.get("lifeline"):
        processes._LIBC = None
    supervisor.BACKOFF = (0.01,)
    keeper = supervisor.Supervisor(Path(order["logs"]), lambda text: print(text, flush=True))
    try:
        with keeper.heeding_signals():
            for name, script in order["programs"].items():
                keeper.start(
                    Program(
                        name,
                        ("/bin/sh", "-c", script),
                        {"PATH": "/usr/bin:/bin", "RECORD": order["record"]},
                        grace_seconds=0.5,
                        orphan_signal=signal.SIGKILL,
                        is_service=name.startswith("service"),
                        may_finish=name.startswith("once"),
                        leaves_with=70 if name == "brave" else None,
                    )
                )
            print("watching", flush=True)
            keeper.run()
    except supervisor.GaveUp as error:
        print(f"gave up: {error}", flush=True)


if __name__ == "__main__":
    main()
