"""`python -m apex.api`: the API in one process, with uvicorn. Settings come from the environment."""

from __future__ import annotations

import signal
from types import FrameType

import uvicorn

from apex.api.application import make_application
from apex.api.processes import prepared
from apex.api.settings import read_settings
from apex.api.tracing import setup_tracing


def main() -> None:
    """Serves until SIGINT or SIGTERM; answers what is being asked, then sends the spans and log lines that are left."""
    settings = read_settings()
    with prepared(settings) as engine:
        app = make_application(settings, engine)
        provider = setup_tracing(settings, engine, app)
        signal.signal(signal.SIGTERM, _end)  # uvicorn raises the signal again when it has stopped
        try:
            uvicorn.run(
                app,
                host=settings.host,
                port=settings.port,
                log_config=None,
                access_log=False,
                proxy_headers=False,  # `client_address` decides whom to believe
                server_header=False,
                timeout_graceful_shutdown=10,
            )
        finally:
            if provider is not None:
                provider.shutdown()


def _end(number: int, frame: FrameType | None) -> None:
    raise SystemExit(0)


if __name__ == "__main__":
    main()
