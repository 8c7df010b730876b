"""Checks who sent a callback: Standard Webhooks signatures, several secrets per source, five minutes of tolerance."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from standardwebhooks import Webhook, WebhookVerificationError

_ID = re.compile(r"[!-~]{1,255}", re.ASCII)
#: headers the signature is made of
HEADERS = ("webhook-id", "webhook-timestamp", "webhook-signature")


def verified_id(secrets: Sequence[str], headers: Mapping[str, str], body: bytes) -> str | None:
    """The message's `webhook-id` if one of the secrets signed it within five minutes of now; None otherwise.

    Every secret is tried, so the time taken tells nothing about which one is near.
    """
    needed = {name: headers.get(name, "") for name in HEADERS}
    if not _ID.fullmatch(needed["webhook-id"]):
        return None
    verdicts = [_signed(secret, needed, body) for secret in secrets]
    return needed["webhook-id"] if any(verdicts) else None


def _signed(secret: str, headers: Mapping[str, str], body: bytes) -> bool:
    try:
        Webhook(secret).verify(body, dict(headers), json_parse=False)
    except (WebhookVerificationError, ValueError):  # ValueError: headers or body that cannot even be decoded
        return False
    return True
