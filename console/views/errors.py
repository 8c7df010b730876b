"""The pages of errors, drawn for the person who sees them.

Django draws these in threads that belong to no request, so nothing would ever give back the connection that reading
the session took there: a few unknown addresses, and the pool of connections would be empty.
"""

from __future__ import annotations

from django.db import connections
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.views import defaults


def not_found(request: HttpRequest, exception: Exception) -> HttpResponseBase:
    """There is nothing at this address, or nothing this person may know of."""
    try:
        return defaults.page_not_found(request, exception)
    finally:
        _give_back()


def forbidden(request: HttpRequest, exception: Exception) -> HttpResponseBase:
    """The person may not see this."""
    try:
        return defaults.permission_denied(request, exception)
    finally:
        _give_back()


def _give_back() -> None:
    """Close what this thread has opened for the page, but nothing that somebody is in the middle of."""
    for one in connections.all(initialized_only=True):
        if not one.in_atomic_block:
            one.close_if_unusable_or_obsolete()
