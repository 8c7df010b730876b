"""A DBOS process that polls the queue and runs what it finds, until standard input closes."""

import sys

from dbos import DBOS

from benchmarks.dbos_app import flow


def main() -> None:
    database_url, executor, concurrency = sys.argv[1:4]
    DBOS(config=flow.configuration(database_url, executor))
    DBOS.launch()
    limit = int(concurrency) or None
    DBOS.register_queue(flow.QUEUE, worker_concurrency=limit, polling_interval_sec=flow.POLL_SECONDS)
    print('{"ready": true}', flush=True)
    sys.stdin.read()
    DBOS.destroy()


if __name__ == "__main__":
    main()
