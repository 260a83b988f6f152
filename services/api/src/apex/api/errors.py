"""How a refusal reads: `{"detail": ...}`, as FastAPI has it, without repeating what was sent."""

from __future__ import annotations

from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse

from apex.api.cabinets import UnknownMaterial
from apex.api.queue import QueueAway


def add_handlers(app: FastAPI) -> None:
    """Lets the application answer these errors."""
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(UnknownMaterial, _unknown_material)
    app.add_exception_handler(QueueAway, _queue_away)


def _answer(details: list[dict[str, Any]]) -> JSONResponse:
    return JSONResponse({"detail": details}, 422)


async def _invalid(request: Request, error: Exception) -> JSONResponse:
    """Without `input`: it may be as long as the body, and no JSON where it is NaN."""
    assert isinstance(error, RequestValidationError)
    return _answer([{name: each[name] for name in ("loc", "msg", "type")} for each in error.errors()])


async def _unknown_material(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, UnknownMaterial)
    message = f"is no known material; known are {', '.join(error.known)}"
    place = ["body", "cabinets", error.place, "material"]
    return _answer([{"loc": place, "msg": message, "type": "unknown_material"}])


async def _queue_away(request: Request, error: Exception) -> JSONResponse:
    return JSONResponse({"detail": "the queue of reports does not answer"}, 503, {"Retry-After": "10"})
