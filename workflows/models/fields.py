"""Column types Django does not bring: PostgreSQL's 64-bit transaction id, stamped by the database itself."""

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
