"""What both processes, the API and the worker, begin and end with: the log, Sentry, the database and its tables."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import NamedTuple, NoReturn

from prometheus_client import disable_created_metrics
from sqlalchemy import Engine
from sqlalchemy.exc import SQLAlchemyError

from apex.api.database import make_tables, open_database
from apex.api.error_tracking import setup_sentry
from apex.api.logging import setup_logging
from apex.api.metrics import Metrics
from apex.api.settings import Settings
from shippers.handlers.logs import ShippingHandler


class Prepared(NamedTuple):
    """What a process has from its beginning to its end."""

    engine: Engine
    metrics: Metrics


@contextmanager
def prepared(settings: Settings) -> Iterator[Prepared]:
    """The database, ready, and metrics; at the end connections are closed, and the log sends what it holds.

    Ends the process with exit code 2 and one line if the log or the database cannot be used.
    """
    disable_created_metrics()  # type: ignore[no-untyped-call]  # as its library has it
    try:
        handler = setup_logging(settings.log_target)
    except OSError as error:
        refuse(f"LOG_TARGET: {error.filename}: {error.strerror}")
    metrics = Metrics()
    if isinstance(handler, ShippingHandler):
        metrics.watch_shipping(handler)
    setup_sentry(settings)
    try:
        engine = _opened(settings.database_url)
        try:
            yield Prepared(engine, metrics)
        finally:
            engine.dispose()
    finally:
        handler.close()


def _opened(url: str) -> Engine:
    try:
        engine = open_database(url)
        make_tables(engine)
    except OSError as error:
        refuse(f"DATABASE_URL: {error.filename}: {error.strerror}")
    except SQLAlchemyError as error:
        reason = str(getattr(error, "orig", None) or error).strip().splitlines()[0]
        refuse(f"DATABASE_URL: the database cannot be used: {reason}")
    return engine


def refuse(line: str) -> NoReturn:
    """Ends the process: what is wrong, and exit code 2."""
    sys.stderr.write(f"{line}\n")
    raise SystemExit(2)
