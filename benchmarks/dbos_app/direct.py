"""Runs DBOS workflows in the process that starts them, without the queue."""

import sys

from dbos import DBOS, SetWorkflowID

from benchmarks.dbos_app import flow
from benchmarks.driver import serve


class Direct:
    """A call returns when the workflow has ended, so nobody has to look for its end."""

    def start(self, key: str) -> None:
        with SetWorkflowID(key):
            flow.bench(key, 0)

    def is_done(self, key: str) -> bool:
        return True


if __name__ == "__main__":
    DBOS(config=flow.configuration(sys.argv[1], sys.argv[2]))
    DBOS.launch()
    serve(Direct())
    DBOS.destroy()
