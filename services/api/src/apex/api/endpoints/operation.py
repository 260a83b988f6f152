"""For those who run it: is it alive, is it ready, what does it measure."""

from __future__ import annotations

from functools import partial

from fastapi import APIRouter, Response
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from pydantic import BaseModel
from sqlalchemy import Engine
from sqlalchemy.exc import SQLAlchemyError

from apex.api import reports
from apex.api.database import is_reachable
from apex.api.services import Given
from apex.api.settings import SERVICE
from apex.api.tracing import untraced

router = APIRouter(tags=["operation"])


class Health(BaseModel):
    """The process, and the release it runs."""

    status: str
    service: str = SERVICE
    release: str


class Readiness(BaseModel):
    """Whether requests can be answered, and if not, why."""

    status: str
    reasons: list[str] = []


@router.get("/healthz")
async def show_health(given: Given) -> Health:
    """Says that the process lives; asks nothing of others."""
    return Health(status="live", release=given.settings.git_sha)


@router.get("/readyz", responses={503: {"model": Readiness}})
async def show_readiness(given: Given, response: Response) -> Readiness:
    """Says whether the database answers; a cache or a queue that is away does not keep cabinets from being derived."""
    if await given.asking.answer(partial(_reachable, given.engine)):
        return Readiness(status="ready")
    response.status_code = 503
    return Readiness(status="not ready", reasons=["the database does not answer"])


@router.get("/metrics", response_class=Response)
async def show_metrics(given: Given) -> Response:
    """Prometheus' text; without the age of the queue where the database does not say it in time."""
    given.metrics.queue_age = await given.asking.answer(partial(_queue_age, given.engine))
    return Response(generate_latest(given.metrics.registry), media_type=CONTENT_TYPE_LATEST)


def _reachable(engine: Engine) -> bool:
    with untraced():
        return is_reachable(engine)


def _queue_age(engine: Engine) -> float | None:
    try:
        with untraced():
            return reports.queue_age(engine)
    except SQLAlchemyError:
        return None  # a database that is away takes no other metric with it
