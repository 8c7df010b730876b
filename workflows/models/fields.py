"""Column types Django does not bring: the database's transaction id, and JSON kept to the letter."""

from __future__ import annotations

from typing import Any

from django.db import models
from django.db.models.expressions import RawSQL


class TransactionId(models.Field):  # type: ignore[type-arg]
    """`xid8` of the transaction that wrote the row; decides what a reader can already have seen."""

    def __init__(self, **kwargs: Any) -> None:
        kwargs["db_default"] = RawSQL("pg_current_xact_id()", ())
        kwargs["editable"] = False
        super().__init__(**kwargs)

    def deconstruct(self) -> tuple[str, str, list[Any], dict[str, Any]]:
        name, path, args, kwargs = super().deconstruct()
        kwargs.pop("db_default", None)
        kwargs.pop("editable", None)
        return name, path, list(args), kwargs

    def db_type(self, connection: Any) -> str:
        return "xid8"


class ExactJson(models.JSONField):
    """JSON stored as the exact text that was written (`json`, not `jsonb`), because the hash chain covers that text."""

    def db_type(self, connection: Any) -> str:
        return "json"

    def from_db_value(self, value: Any, expression: Any, connection: Any) -> Any:
        return super().from_db_value(value, expression, connection) if isinstance(value, str) else value
