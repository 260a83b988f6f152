"""`python -m apex.api.worker`: the Celery worker that writes reports, with its metrics on a port of its own.

Threads, not processes: a report is arithmetic over a few rows, and one process is one set of metrics.
"""

from __future__ import annotations

import structlog
from celery import Celery
from celery.signals import setup_logging as celery_logging
from prometheus_client import start_http_server
from sqlalchemy import Engine

from apex.api import reports
from apex.api.cache import Cache
from apex.api.processes import prepared, refuse
from apex.api.queue import QUEUE, REDELIVERY, TASK, CeleryQueue, QueueAway, make_celery
from apex.api.reports import Writer
from apex.api.settings import read_settings
from apex.api.tracing import setup_tracing

CONCURRENCY = 2


def main() -> None:
    """Works until SIGTERM; what is being written is written first."""
    settings = read_settings()
    if settings.redis_url is None:
        refuse("REDIS_URL: the worker has no queue without it; the API writes its reports itself")
    with prepared(settings) as (engine, metrics):
        celery_logging.connect(_keep_logging)
        provider = setup_tracing(settings, engine)
        writer = Writer(engine, Cache(settings.redis_url, metrics), metrics)
        host, port = settings.worker_metrics_host, settings.worker_metrics_port
        try:
            start_http_server(port, host, metrics.registry)
        except OSError as error:
            reason = error.strerror or error
            refuse(f"WORKER_METRICS_HOST, WORKER_METRICS_PORT: cannot listen on {host}:{port}: {reason}")
        publish_lost(engine, CeleryQueue(settings.redis_url))
        celery = with_task(make_celery(settings.redis_url), writer)
        options = ["--pool=threads", f"--concurrency={CONCURRENCY}", f"--queues={QUEUE}", "--loglevel=INFO"]
        try:
            celery.worker_main(["worker", *options, "--without-mingle", "--without-gossip"])
        finally:
            if provider is not None:
                provider.shutdown()


def publish_lost(engine: Engine, queue: CeleryQueue) -> None:
    """Queues again what has waited for long: a Redis that was started anew has forgotten it.

    A report whose message is there too is written once: the second message finds it done.
    """
    lost = reports.waiting(engine, REDELIVERY)
    log = structlog.stdlib.get_logger("apex.api.worker")
    try:
        for report in lost:
            queue.put(report)
    except QueueAway:
        log.warning("reports_not_published", count=len(lost))
    else:
        if lost:
            log.info("reports_published_again", count=len(lost))
    finally:
        queue.close()


def with_task(celery: Celery, writer: Writer) -> Celery:
    """The application, which writes reports with that writer."""
    celery.task(name=TASK)(writer.write)
    return celery


def _keep_logging(**_: object) -> None:
    """A receiver of this signal keeps Celery from setting up logging."""


if __name__ == "__main__":
    main()
