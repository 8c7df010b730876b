"""Reads from PostgreSQL how far things are, so that lost wake-ups are noticed within a heartbeat."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import timedelta
from uuid import UUID

from django.db import connection

from workflows.queries import dependencies, operations

#: how far back the boards look for changes; longer than two heartbeats, so that none falls between
WINDOW_SECONDS = 12
#: beyond this many recent events, or this many watched instances, more detail changes nothing
MOST = 5000

_READ = """
SELECT id::text, revision::text FROM workflows_instance WHERE id = ANY(%s::uuid[])
UNION ALL
SELECT '', count(*) || ' until ' || coalesce(max(at)::text, '')
           || ' ' || coalesce((SELECT max(id) FROM workflows_auditentry), 0)
           || ' ' || coalesce((SELECT max(received_at)::text FROM workflows_message WHERE state = 'pending'), '')
FROM (
    (SELECT at FROM workflows_event WHERE at > clock_timestamp() - make_interval(secs => %s) LIMIT %s)
    UNION ALL
    SELECT at FROM breakers_transition WHERE at > clock_timestamp() - make_interval(secs => %s)
) AS recent
"""
_PER_WORKFLOW = """
SELECT workflow, count(*) || ' until ' || max(at)::text
FROM (SELECT instance_id, at FROM workflows_event WHERE at > clock_timestamp() - make_interval(secs => %s) LIMIT %s)
     AS recent
JOIN workflows_instance ON workflows_instance.id = instance_id GROUP BY workflow
"""
#: what people did, decisions about whole workflows among it
_ACTS = """
SELECT workflow, 'act ' || max(id)::text FROM workflows_auditentry
WHERE at > clock_timestamp() - make_interval(secs => %s) GROUP BY workflow
"""


@dataclass(frozen=True)
class Heads:
    """Present revisions of the watched instances, and texts that differ when anything happened lately."""

    board: str = ""
    revisions: dict[str, int] = field(default_factory=dict)
    #: the same per workflow, where somebody needs it
    boards: dict[str, str] = field(default_factory=dict)


def read(watched: Collection[str], *, per_workflow: bool = False) -> Heads:
    """One query for all sockets of this process, two where operations or breakers are watched as well.

    Three more where some of them may not see everything.
    """
    boards = {}
    with connection.cursor() as cursor:
        cursor.execute(_READ, [list(watched)[:MOST], WINDOW_SECONDS, MOST, WINDOW_SECONDS])
        found = dict(cursor.fetchall())
        if per_workflow:
            cursor.execute(_PER_WORKFLOW, [WINDOW_SECONDS, MOST])
            boards = dict(cursor.fetchall())
            cursor.execute(_ACTS, [WINDOW_SECONDS])
            for workflow, acted in cursor.fetchall():
                boards[workflow] = f"{boards.get(workflow, '')} {acted}"
            for workflow, moved in dependencies.moved_lately(timedelta(seconds=WINDOW_SECONDS)).items():
                boards[workflow] = f"{boards.get(workflow, '')} {moved}"
    board = found.pop("", "")
    revisions = {about: int(revision) for about, revision in found.items()}
    others = [UUID(about) for about in list(watched)[:MOST] if about not in revisions]
    generations = dependencies.heads() if others else {}
    beside = operations.heads(others) | {about: generations[about] for about in generations.keys() & set(others)}
    return Heads(board, revisions | {str(about): stage for about, stage in beside.items()}, boards)
