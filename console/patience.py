"""Slows down whoever guesses passwords: after some wrong ones, a name from that address has to wait.

Counted in each web process's own memory: with several processes the limits multiply, and a restart forgets.
"""

from __future__ import annotations

from hashlib import sha256

from django.core.cache import cache

#: wrong passwords per name and address, and per address alone, within so many seconds
PER_NAME, PER_ADDRESS, SECONDS = 10, 100, 600


def exhausted(name: str, address: str) -> bool:
    """Whether this name from this address, or this address at all, has to wait."""
    return bool(cache.get(_key(name, address), 0) >= PER_NAME or cache.get(_key("", address), 0) >= PER_ADDRESS)


def wrong(name: str, address: str) -> None:
    """Count one wrong password."""
    for key in (_key(name, address), _key("", address)):
        cache.add(key, 0, SECONDS)
        cache.incr(key)


def right(name: str, address: str) -> None:
    """Forget the wrong passwords of a name that signed in."""
    cache.delete(_key(name, address))


def _key(name: str, address: str) -> str:
    return "signin-" + sha256(f"{name.casefold()}\n{address}".encode()).hexdigest()
