"""What holds for every request: an id, a bound on the body, a log line, and its metrics. Plain ASGI."""

from __future__ import annotations

import re
import time
import uuid
from collections.abc import Sequence

import structlog
from fastapi import HTTPException
from fastapi.responses import JSONResponse
from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from structlog.contextvars import bound_contextvars

from apex.api.client_address import client_address
from apex.api.metrics import Metrics, endpoint_label, method_label
from apex.api.settings import Network

REQUEST_ID = "X-Request-ID"
MAX_BODY = 1 << 20
"""Bytes of a request's body."""
MAX_USER_AGENT = 512
"""Characters of the user agent that are logged."""
CLOSE = {"Connection": "close"}
TOO_LARGE = "the body is larger than 1 MiB"
_SAFE_ID = re.compile(r"[\w.-]{1,64}", re.ASCII)


class Requests:
    """The ASGI application around the API: a log line, a metric and an id for each request."""

    def __init__(self, app: ASGIApp, metrics: Metrics, trusted_proxies: Sequence[Network]) -> None:
        self._app = app
        self._metrics = metrics
        self._trusted = trusted_proxies
        self._log = structlog.stdlib.get_logger("apex.api")

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers a request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        started = time.perf_counter()
        headers = Headers(scope=scope)
        given = headers.get(REQUEST_ID, "")
        request_id = given if _SAFE_ID.fullmatch(given) else uuid.uuid4().hex
        status = 0

        async def sending(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                MutableHeaders(scope=message)[REQUEST_ID] = request_id
            await send(message)

        with bound_contextvars(request_id=request_id):
            try:
                await self._bounded(scope, headers, receive, sending)
            except Exception:
                if not status:
                    answer = JSONResponse({"detail": "internal error"}, 500, CLOSE)
                    await answer(scope, receive, sending)
                raise  # Sentry and the tracer each tell it, uvicorn too, which then closes the connection
            finally:
                self._tell(scope, headers, status or 500, time.perf_counter() - started)

    async def _bounded(self, scope: Scope, headers: Headers, receive: Receive, send: Send) -> None:
        size = 0

        async def receiving() -> Message:
            nonlocal size
            message = await receive()
            size += len(message.get("body", b""))
            if size > MAX_BODY:
                raise HTTPException(413, TOO_LARGE)  # FastAPI answers it, wherever the body is being read
            return message

        announced = headers.get("content-length", "0")
        if announced.isdecimal() and int(announced) > MAX_BODY:
            await JSONResponse({"detail": TOO_LARGE}, 413, CLOSE)(scope, receive, send)
        else:
            await self._app(scope, receiving, send)

    def _tell(self, scope: Scope, headers: Headers, status: int, seconds: float) -> None:
        route = getattr(scope.get("route"), "path", None)
        method, endpoint = method_label(scope["method"]), endpoint_label(route)
        self._metrics.requests.labels(method, endpoint, str(status)).inc()
        self._metrics.request_duration.labels(method, endpoint).observe(seconds)
        peer = scope.get("client")
        address = client_address(peer[0] if peer else None, headers.getlist("x-forwarded-for"), self._trusted)
        agent = headers.get("user-agent")
        (self._log.error if status >= 500 else self._log.info)(
            "request_finished",
            method=scope["method"],
            route=route,
            status=status,
            duration_ms=round(seconds * 1000, 3),
            source_ip=address,
            user_agent=None if agent is None else agent[:MAX_USER_AGENT],
        )
