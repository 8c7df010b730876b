"""Which hosts nobody means: link-local addresses (where machines keep their metadata), multicast, and none at all.

Addresses have many spellings: resolvers take `0xa9fea9fe`, `2852039166` and `169.254.43518` for 169.254.169.254, HTTP
clients also wide digits and dots, and IPv6 can carry it inside. What a name leads to is not looked up here.
"""

from __future__ import annotations

import socket
import unicodedata
from ipaddress import IPv4Address, IPv6Address, ip_address


def never_meant(host: str) -> bool:
    """Whether the host is spelled like an address that is never a business system."""
    found = _address(unicodedata.normalize("NFKC", host).replace("\u3002", ".").rstrip("."))
    return found is not None and (found.is_link_local or found.is_multicast or found.is_unspecified)


def _address(host: str) -> IPv4Address | IPv6Address | None:
    try:
        found = ip_address(host)
    except ValueError:
        return _spelled_oddly(host)
    return (found.ipv4_mapped or found.sixtofour or found) if isinstance(found, IPv6Address) else found


def _spelled_oddly(host: str) -> IPv4Address | None:
    """What resolvers make of fewer than four numbers, octal and hexadecimal ones (inet_aton)."""
    try:
        return IPv4Address(socket.inet_aton(host))
    except (OSError, UnicodeEncodeError):
        return None
