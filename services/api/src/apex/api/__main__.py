"""`python -m apex.api`: the API in one process, with uvicorn. Settings come from the environment."""

from __future__ import annotations

import signal
import socket
from types import FrameType

import uvicorn
from fastapi import FastAPI

from apex.api.application import make_application
from apex.api.processes import prepared, refuse
from apex.api.settings import Settings, read_settings
from apex.api.tracing import setup_tracing

BACKLOG = 2048
"""Connections that may wait to be accepted."""
GRACE = 10
"""Seconds in which requests may end once the process is told to."""


def main() -> None:
    """Serves until SIGINT or SIGTERM; answers what is being asked, then sends the spans and log lines that are left."""
    settings = read_settings()
    with prepared(settings) as (engine, metrics):
        listening = _listen(settings)
        app = make_application(settings, engine, metrics)
        provider = setup_tracing(settings, engine, app)
        signal.signal(signal.SIGTERM, _end)  # uvicorn raises the signal again when it has stopped
        try:
            uvicorn.Server(_configured(app)).run([listening])
        except KeyboardInterrupt:
            pass  # Ctrl-C, which uvicorn raises again when it has stopped
        finally:
            if provider is not None:
                provider.shutdown()


def _configured(app: FastAPI) -> uvicorn.Config:
    """Without a log of its own, and without its belief in `X-Forwarded-For`: `client_address` decides about that."""
    return uvicorn.Config(
        app,
        http="h11",  # the same parser whatever else is installed: httptools answers unknown methods itself, uncounted
        log_config=None,
        access_log=False,
        proxy_headers=False,
        server_header=False,
        timeout_graceful_shutdown=GRACE,
    )


def _listen(settings: Settings) -> socket.socket:
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    try:
        return socket.create_server((settings.host, settings.port), family=family, backlog=BACKLOG)
    except OSError as error:
        refuse(f"HOST, PORT: cannot listen on {settings.host}:{settings.port}: {error.strerror or error}")


def _end(number: int, frame: FrameType | None) -> None:
    raise SystemExit(0)


if __name__ == "__main__":
    main()
