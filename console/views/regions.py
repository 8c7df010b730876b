"""Answers with a whole page, or with the part of it that changes, for a page that reads itself again."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.cache import patch_vary_headers


def answer(
    request: HttpRequest, whole: str, part: str, shown: Mapping[str, Any], *, status: int = 200
) -> HttpResponse:  # fmt: skip
    """`whole` and `part` name templates of the console; caches keep the two apart."""
    name = part if request.headers.get("HX-Request") else whole
    response = render(request, f"console/{name}.html", dict(shown), status=status)
    patch_vary_headers(response, ["HX-Request"])
    return response
