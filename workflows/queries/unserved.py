"""Live instances of versions that no live worker has code for: nothing carries them on until somebody deploys it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from django.db import connection

from workflows.queries.visibility import Viewer


@dataclass(frozen=True, slots=True)
class Unserved:
    """The live instances of one version, and since when the longest-standing one has had its status."""

    workflow: str
    version: int
    count: int
    oldest: datetime


@dataclass(frozen=True, slots=True)
class Service:
    """What the live workers have code for, as `workflow/version`. Empty: none is alive, which is another trouble."""

    versions: frozenset[str]

    def lacks(self, workflow: str, version: int) -> bool:
        """Whether workers are alive, but none with this version."""
        return bool(self.versions) and f"{workflow}/{version}" not in self.versions


def service(now: datetime) -> Service:
    """What can be carried on at present. One look at the sessions of processes, of which there are few."""
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT name FROM ({_SERVED}) AS served", {"now": now})  # noqa: S608 - a constant
        return Service(frozenset(name for (name,) in cursor.fetchall()))


def unserved(viewer: Viewer, now: datetime) -> list[Unserved]:
    """The versions that nobody alive has code for, of what the viewer may see; none while no worker is alive."""
    with connection.cursor() as cursor:
        cursor.execute(_UNSERVED, {"now": now, "sees": viewer.named})
        return [Unserved(*found) for found in cursor.fetchall()]


_SERVED = """
    SELECT DISTINCT jsonb_array_elements_text(capabilities) AS name FROM workflows_session
    WHERE kind = 'worker' AND ended_at IS NULL AND alive_until > %(now)s
"""
_UNSERVED = f"""
WITH served AS MATERIALIZED ({_SERVED})
SELECT workflow, version, count(*), min(since) FROM workflows_instance
WHERE ended_at IS NULL AND (%(sees)s::text[] IS NULL OR workflow = ANY(%(sees)s::text[]))
  AND EXISTS (SELECT FROM served) AND workflow || '/' || version NOT IN (SELECT name FROM served)
GROUP BY workflow, version ORDER BY workflow, version
"""  # noqa: S608 - made of constants
