"""Error pages give back what they borrow: any number of unknown addresses leaves no connection behind."""

from __future__ import annotations

import httpx
from django.conf import settings
from django.db import connection

from tests.live.sockets import session_of
from tests.stories import person
from tests.waiting import wait_until


def _others() -> int:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
            " AND backend_type = 'client backend'"
        )
        return int(cursor.fetchone()[0])


def test_unknown_addresses_leave_no_connection_behind(web: str) -> None:
    cookies = {settings.SESSION_COOKIE_NAME: session_of(person("vera"))}

    with httpx.Client(base_url=web, cookies=cookies, trust_env=False) as browser:
        answers = [browser.get(f"/nowhere/{number}/") for number in range(5)]

    assert {answer.status_code for answer in answers} == {404}
    assert "vera" in answers[0].text
    wait_until(lambda: _others() == 0, "every connection is given back")
