"""One FastAPI application, joined from its settings: what it opens when it starts it closes when it ends."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

import httpx
import structlog
from fastapi import FastAPI
from fastapi.concurrency import run_in_threadpool
from sqlalchemy import Engine
from sqlalchemy.exc import SQLAlchemyError

from apex.api import calculations, reports
from apex.api.asking import Asking
from apex.api.cache import Cache
from apex.api.database import CONNECTIONS, connections_used
from apex.api.endpoints import cabinets, operation, projects
from apex.api.endpoints import reports as report_endpoints
from apex.api.errors import add_handlers
from apex.api.metrics import Metrics
from apex.api.queue import CeleryQueue, Queue, ThreadQueue
from apex.api.reports import Writer
from apex.api.requests import Requests
from apex.api.services import Services
from apex.api.settings import Settings
from apex.api.tracing import untraced

FORGET_INTERVAL = 3600.0
"""Seconds between two clearances of old calculations."""


def make_application(settings: Settings, engine: Engine, metrics: Metrics) -> FastAPI:
    """The application, once for each registry of metrics; the engine is the caller's, and has its tables."""

    @asynccontextmanager
    async def running(app: FastAPI) -> AsyncIterator[None]:
        cache = Cache(settings.redis_url, metrics)
        with untraced():
            queue = await run_in_threadpool(_queue, settings, engine, Writer(engine, cache, metrics))
        metrics.watch(lambda: connections_used(engine), CONNECTIONS)
        async with httpx.AsyncClient() as client:
            app.state.services = Services(settings, engine, cache, queue, metrics, client, Asking())
            forgetting = asyncio.create_task(_forget(engine, settings.calculations_kept_days))
            try:
                yield
            finally:
                forgetting.cancel()
                with suppress(asyncio.CancelledError):
                    await forgetting
                await run_in_threadpool(queue.close)

    app = FastAPI(title="apex-api", version=settings.git_sha, summary="Derives sign cabinets.", lifespan=running)
    app.add_middleware(Requests, metrics=metrics, trusted_proxies=settings.trusted_proxies)
    add_handlers(app)
    for subject in (cabinets, projects, report_endpoints, operation):
        app.include_router(subject.router)
    return app


def _queue(settings: Settings, engine: Engine, writer: Writer) -> Queue:
    if settings.redis_url is not None:
        return CeleryQueue(settings.redis_url)
    return ThreadQueue(writer.write, reports.unfinished(engine))


async def _forget(engine: Engine, days: float) -> None:
    log = structlog.stdlib.get_logger("apex.api.calculations")
    while True:
        try:
            with untraced():
                count = await run_in_threadpool(calculations.forget, engine, days)
        except SQLAlchemyError as error:
            log.warning("calculations_not_forgotten", reason=type(error).__name__)
        else:
            log.info("calculations_forgotten", count=count)
        await asyncio.sleep(FORGET_INTERVAL)
