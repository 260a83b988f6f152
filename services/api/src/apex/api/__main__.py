"""`python -m apex.api`: the API in one process, with uvicorn. Settings come from the environment."""

from __future__ import annotations

import sys

import uvicorn
from prometheus_client import disable_created_metrics

from apex.api.application import make_application
from apex.api.database import open_database
from apex.api.error_tracking import setup_sentry
from apex.api.logging import setup_logging
from apex.api.settings import read_settings
from apex.api.tracing import setup_tracing


def main() -> None:
    """Serves until SIGINT or SIGTERM; answers what is being asked, then sends the spans and log lines that are left."""
    settings = read_settings()
    disable_created_metrics()  # type: ignore[no-untyped-call]
    try:
        handler = setup_logging(settings.log_target)
    except OSError as error:
        sys.stderr.write(f"LOG_TARGET: {error.filename}: {error.strerror}\n")
        raise SystemExit(2) from None
    setup_sentry(settings)
    engine = open_database(settings.database_url)
    app = make_application(settings, engine)
    provider = setup_tracing(settings, engine, app)
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
        engine.dispose()
        if provider is not None:
            provider.shutdown()
        handler.close()


if __name__ == "__main__":
    main()
