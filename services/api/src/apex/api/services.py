"""What endpoints are given: one object for each application, made when it starts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

import httpx
from fastapi import Depends, Request
from sqlalchemy import Engine

from apex.api.asking import Asking
from apex.api.cache import Cache
from apex.api.metrics import Metrics
from apex.api.queue import Queue
from apex.api.settings import Settings


@dataclass(frozen=True)
class Services:
    """The world outside, as endpoints see it."""

    settings: Settings
    engine: Engine
    cache: Cache
    queue: Queue
    metrics: Metrics
    client: httpx.AsyncClient
    asking: Asking


async def _services(request: Request) -> Services:
    """A plain function would be called in a thread, for which a request waits where the database hangs."""
    services: Services = request.app.state.services
    return services


Given = Annotated[Services, Depends(_services)]
"""The type of an endpoint's parameter that wants them."""
