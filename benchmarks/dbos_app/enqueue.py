"""Starts DBOS workflows from outside, through the client and the queue."""

import sys
import threading

import psycopg
from dbos import DBOSClient, EnqueueOptions

from benchmarks.dbos_app import flow
from benchmarks.driver import serve


class Queued:
    """Puts workflows on the queue; sees their end in the status table."""

    def __init__(self, database_url: str) -> None:
        self.client = DBOSClient(system_database_url=database_url, application_name="bench")
        self.watching = psycopg.connect(database_url, autocommit=True, prepare_threshold=0)
        self.lock = threading.Lock()

    def start(self, key: str) -> None:
        options: EnqueueOptions = {
            "queue_name": flow.QUEUE,
            "workflow_name": flow.bench.__qualname__,
            "workflow_id": key,
            "app_version": flow.VERSION,
        }
        self.client.enqueue(options, key, 0)

    def is_done(self, key: str) -> bool:
        question = "SELECT status = 'SUCCESS' FROM dbos.workflow_status WHERE workflow_uuid = %s"
        with self.lock:
            row = self.watching.execute(question, [key]).fetchone()
        return bool(row and row[0])


if __name__ == "__main__":
    serve(Queued(sys.argv[1]))
