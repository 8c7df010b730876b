"""Five sequential no-op steps as a DBOS workflow, and how its processes are configured."""

from dbos import DBOS, DBOSConfig

QUEUE = "bench"
POLL_SECONDS = 0.1
VERSION = "bench"


@DBOS.step()
def one(count: int) -> int:
    return count + 1


@DBOS.step()
def two(count: int) -> int:
    return count + 1


@DBOS.step()
def three(count: int) -> int:
    return count + 1


@DBOS.step()
def four(count: int) -> int:
    return count + 1


@DBOS.step()
def five(count: int) -> int:
    return count + 1


@DBOS.workflow()
def bench(key: str, count: int) -> int:
    """Durable after each step; the key stands for a business key and is carried as input."""
    return five(four(three(two(one(count)))))


def configuration(database_url: str, executor: str) -> DBOSConfig:
    """One process's settings: everything at its default, except quiet logs and a connection for every thread."""
    return {
        "name": "bench",
        "system_database_url": database_url,
        "application_version": VERSION,
        "executor_id": executor,
        "log_level": "WARNING",
    }
