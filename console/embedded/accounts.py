"""Under whose rights a server runs: our own, or those of an unprivileged account when we are root."""

from __future__ import annotations

import os
import pwd
from typing import NamedTuple


class Rights(NamedTuple):
    """What `subprocess` needs to change the account; all None: stay who we are."""

    user: int | None = None
    group: int | None = None
    extra_groups: tuple[int, ...] | None = None


def unprivileged() -> str | None:
    """The account servers run under when we are root; None otherwise."""
    return "nobody" if os.geteuid() == 0 else None


def rights(user: str | None) -> Rights:
    if user is None:
        return Rights()
    account = pwd.getpwnam(user)
    return Rights(account.pw_uid, account.pw_gid, ())
