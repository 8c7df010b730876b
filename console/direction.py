"""Keeps a text from turning around what stands beside it: pages show that it tried, and do not obey.

Unicode has characters that reverse everything up to their end, or up to the end of the paragraph if they have none: a
reason with one of them rewrites the sentence it is quoted in, a file name its ending (CVE-2021-42574, UAX #9). The
database, the API and exports keep them, because they are what somebody sent.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.utils.decorators import sync_only_middleware

#: embeddings and overrides (U+202A to U+202E) and isolates (U+2066 to U+2069), as UTF-8; marks without a reach stay
_TURNS = re.compile(rb"\xe2\x80[\xaa-\xae]|\xe2\x81[\xa6-\xa9]")
#: a question mark on black, which every font has
_SHOWN = "\ufffd".encode()

GetResponse = Callable[[HttpRequest], HttpResponseBase]


@sync_only_middleware
def middleware(get_response: GetResponse) -> GetResponse:
    """Replace the characters in every page."""

    def shown(request: HttpRequest) -> HttpResponseBase:
        response = get_response(request)
        if not response.streaming and response.headers.get("Content-Type", "").startswith("text/html"):
            response.content = _TURNS.sub(_SHOWN, response.content)  # type: ignore[attr-defined]
        return response

    return shown
