"""Turns declared names into words: `FraudCheckRetrying` into "fraud check", `erp` into "the ERP"."""

from __future__ import annotations

import re

from django.utils.translation import gettext as _

#: written in capitals wherever they occur in a name
ACRONYMS = frozenset({"ai", "api", "b2b", "crm", "edi", "erp", "id", "kyc", "sepa", "sku", "sla", "sms", "vat", "wms"})
_SUFFIX = re.compile(r"(?<=[a-z0-9])(Pending|Retrying|Unavailable|Failed|Passed|Refused|Waiting)$")
_WORDS = re.compile(r"[A-Z]+(?=[A-Z][a-z])|[A-Z]?[a-z]+[0-9]*|[A-Z]+|[0-9]+")


def words(name: str) -> str:
    """A CamelCase or snake_case name in lower-case words, acronyms in capitals: "ERP submission"."""
    found = [word.lower() for word in _WORDS.findall(name)] or [name]
    return " ".join(word.upper() if word in ACRONYMS else word for word in found)


def activity(status: str) -> str:
    """What a status is about, without the suffix that says how it goes: "fraud check"."""
    return words(_SUFFIX.sub("", status))


def suffix(status: str) -> str:
    """How it goes: Pending, Retrying, Failed, …; empty for a status with a name of its own."""
    found = _SUFFIX.search(status)
    return found[1] if found else ""


def capital(text: str) -> str:
    """The text with its first letter in upper case, the rest untouched."""
    return text[:1].upper() + text[1:]


def system(dependency: str) -> str:
    """How a sentence calls a system: "the ERP", "the warehouse system"."""
    name = words(dependency.replace(".", " "))
    if name.isupper():
        return _("the %(name)s") % {"name": name}
    return _("the %(name)s system") % {"name": name}
