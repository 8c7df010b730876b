"""Reads query parameters strictly: a mistyped filter is an error, not a longer list."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from uuid import UUID

from django.utils.dateparse import parse_datetime
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter
from rest_framework.request import Request

from console.api.problems import invalid
from workflows.queries.pages import MAX_SIZE

PAGING = [
    OpenApiParameter("cursor", str, description="From `next` or `previous` of another page."),
    OpenApiParameter("page_size", int, description=f"1 to {MAX_SIZE}."),
]


class Parameters:
    """The query parameters of one request. Every reader raises the problem that names the parameter."""

    def __init__(self, request: Request, known: Iterable[str], *, prefixes: tuple[str, ...] = ()) -> None:
        self._values = request.query_params
        for name in self._values:
            if name not in known and not (prefixes and name.startswith(prefixes)):
                raise invalid(name, f"is no parameter of this list (there are {', '.join(sorted(known))})")
            if any("\x00" in value for value in self._values.getlist(name)):
                raise invalid(name, "contains a NUL character")

    def text(self, name: str) -> str:
        """The value, trimmed; empty when it is not given."""
        return self._values.get(name, "").strip()

    def choice(self, name: str, among: Sequence[str]) -> str:
        """One of these words, or empty."""
        text = self.text(name)
        if text and text not in among:
            raise invalid(name, f"must be one of {', '.join(among)}")
        return text

    def choices(self, name: str, among: Sequence[str]) -> tuple[str, ...]:
        """Any of these words, given several times or separated by commas."""
        texts = self.texts(name)
        if set(texts) - set(among):
            raise invalid(name, f"must be one of {', '.join(among)}")
        return texts

    def texts(self, name: str) -> tuple[str, ...]:
        """The values, given several times or separated by commas."""
        pieces = ",".join(self._values.getlist(name)).split(",")
        return tuple(piece.strip() for piece in pieces if piece.strip())

    def prefixed(self, prefix: str) -> dict[str, str]:
        """The parameters that begin with the prefix, by the rest of their name."""
        return {name[len(prefix) :]: self.text(name) for name in self._values if name.startswith(prefix)}

    def number(self, name: str, *, lowest: int, highest: int) -> int | None:
        """The whole number, or None."""
        text = self.text(name)
        if not text:
            return None
        if not (text.isascii() and text.isdigit() and len(text) < 19 and lowest <= int(text) <= highest):
            raise invalid(name, f"must be a whole number from {lowest} to {highest}")
        return int(text)

    def truth(self, name: str) -> bool | None:
        """True, False, or None."""
        text = self.text(name).casefold()
        if text not in ("", "true", "false", "1", "0"):
            raise invalid(name, "must be true or false")
        return text in ("true", "1") if text else None

    def moment(self, name: str) -> datetime | None:
        """The RFC 3339 time in UTC, or None."""
        return moment(name, self.text(name))

    def identity(self, name: str) -> UUID | None:
        """The UUID, or None."""
        text = self.text(name)
        try:
            return UUID(text) if text else None
        except ValueError:
            raise invalid(name, "must be a UUID") from None

    def size(self, default: int = 50) -> int:
        """How many rows a page has."""
        return self.number("page_size", lowest=1, highest=MAX_SIZE) or default


def moment(name: str, text: str) -> datetime | None:
    """The RFC 3339 time in UTC, or None for an empty text. Raises the problem that names the field."""
    if not text:
        return None
    if "T" in text:
        text = text.replace(" ", "+")  # an unescaped + of the offset
    try:
        found = parse_datetime(text)
        if found is None:
            raise ValueError("not a time")
        return found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)
    except (ValueError, OverflowError):
        raise invalid(name, "must be a time such as 2026-01-31T12:00:00Z") from None


def described(**descriptions: str) -> list[OpenApiParameter]:
    """Text parameters for the schema."""
    return [OpenApiParameter(name, OpenApiTypes.STR, description=text) for name, text in descriptions.items()]
