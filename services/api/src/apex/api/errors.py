"""How a refusal reads: `{"detail": ...}`, as FastAPI has it, without repeating what was sent."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse

from apex.api.cabinets import UnknownMaterial
from apex.api.queue import QueueAway

MAX_FAULTS = 20
MAX_NAME = 100
"""Characters of a name that is told to be wrong."""


def add_handlers(app: FastAPI) -> None:
    """Lets the application answer these errors."""
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(UnknownMaterial, _unknown_material)
    app.add_exception_handler(QueueAway, _queue_away)


def _answer(details: list[dict[str, Any]]) -> JSONResponse:
    return JSONResponse({"detail": details}, 422)


async def _invalid(request: Request, error: Exception) -> JSONResponse:
    """Without `input`: it may be as long as the body, and no JSON where it is NaN. The first faults are enough."""
    assert isinstance(error, RequestValidationError)
    faults = error.errors()[:MAX_FAULTS]
    return _answer([{"loc": _place(each["loc"]), "msg": each["msg"], "type": each["type"]} for each in faults])


def _place(place: Sequence[Any]) -> list[Any]:
    """Names in it can be the sender's own: of any length, and with surrogates, which no answer can hold."""
    return [each[:MAX_NAME].encode("utf-8", "replace").decode() if isinstance(each, str) else each for each in place]


async def _unknown_material(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, UnknownMaterial)
    message = f"is no known material; known are {', '.join(error.known)}"
    place = ["body", "cabinets", error.place, "material"]
    return _answer([{"loc": place, "msg": message, "type": "unknown_material"}])


async def _queue_away(request: Request, error: Exception) -> JSONResponse:
    return JSONResponse({"detail": "the queue of reports is away, or full"}, 503, {"Retry-After": "10"})
