"""`python -m apex.api.worker`: the Celery worker that writes reports, with its metrics on a port of its own.

Threads, not processes: a report is arithmetic over a few rows, and one process is one set of metrics.
"""

from __future__ import annotations

import sys

from celery import Celery
from celery.signals import setup_logging as celery_logging
from prometheus_client import disable_created_metrics, start_http_server

from apex.api.cache import Cache
from apex.api.database import make_tables, open_database
from apex.api.error_tracking import setup_sentry
from apex.api.logging import setup_logging
from apex.api.metrics import Metrics
from apex.api.queue import QUEUE, TASK, make_celery
from apex.api.reports import Writer
from apex.api.settings import read_settings
from apex.api.tracing import setup_tracing

CONCURRENCY = 2


def main() -> None:
    """Works until SIGTERM."""
    settings = read_settings()
    disable_created_metrics()  # type: ignore[no-untyped-call]
    if settings.redis_url is None:
        sys.stderr.write("REDIS_URL: the worker has no queue without it; the API writes its reports itself\n")
        raise SystemExit(2)
    try:
        handler = setup_logging(settings.log_target)
    except OSError as error:
        sys.stderr.write(f"LOG_TARGET: {error.filename}: {error.strerror}\n")
        raise SystemExit(2) from None
    celery_logging.connect(_keep_logging)
    setup_sentry(settings)
    engine = open_database(settings.database_url)
    provider = setup_tracing(settings, engine)
    make_tables(engine)
    metrics = Metrics()
    start_http_server(settings.worker_metrics_port, settings.worker_metrics_host, metrics.registry)
    celery = with_task(make_celery(settings.redis_url), Writer(engine, Cache(settings.redis_url, metrics), metrics))
    arguments = ["worker", "--pool=threads", f"--concurrency={CONCURRENCY}", f"--queues={QUEUE}", "--without-mingle"]
    try:
        celery.worker_main([*arguments, "--without-gossip", "--loglevel=INFO"])
    finally:
        engine.dispose()
        if provider is not None:
            provider.shutdown()
        handler.close()


def with_task(celery: Celery, writer: Writer) -> Celery:
    """The application, which writes reports with that writer."""
    celery.task(name=TASK)(writer.write)
    return celery


def _keep_logging(**_: object) -> None:
    """A receiver of this signal keeps Celery from setting up logging."""


if __name__ == "__main__":
    main()
