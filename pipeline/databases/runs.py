"""Runs of a statement, one after the other: their rows as batches, and the last value when all have their end."""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import secrets
import time
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl

import orjson
from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from pipeline.batch import Batch
from pipeline.databases import last_value, statements
from pipeline.databases.rows import Reading, chunks, engine_of, moment
from pipeline.databases.urls import PACKAGES, url_of
from pipeline.dates import zones
from pipeline.errors import StoreError
from pipeline.pulled import Stop, Troubles

if TYPE_CHECKING:
    from pipeline.databases.options import JdbcOptions

log = logging.getLogger("apex.input.jdbc")
_FETCHED = 1000


def reading_of(options: JdbcOptions) -> Reading:
    """How the statement of the options is read; raises ValueError."""
    password = options.jdbc_password.get_secret_value() if options.jdbc_password else None
    if options.jdbc_password_filepath is not None:
        password = options.jdbc_password_filepath.read_text().strip()
    url = url_of(options.jdbc_connection_string, options.jdbc_user, password)
    try:
        url.get_dialect().import_dbapi()
    except ImportError:
        package = PACKAGES.get(url.drivername, url.drivername.partition("+")[2] or url.drivername)
        raise ValueError(f"the driver of {url.drivername} is not installed: pip install {package}") from None
    except SQLAlchemyError as error:
        raise ValueError(f"{url.drivername}: {error}") from None
    statement = options.statement
    if options.statement_filepath is not None:
        statement = options.statement_filepath.read_text().strip()
    assert statement is not None
    if options.use_prepared_statements:
        read = statements.prepared(statement, options.prepared_statement_bind_values)
    else:
        read = statements.named(statement, options.parameters)
    return Reading(
        url=url,
        statement=read,
        page=options.jdbc_page_size if options.jdbc_paging_enabled else 0,
        numbered=options.jdbc_paging_mode == "explicit",
        fetch=options.jdbc_fetch_size or _FETCHED,
        lowercase=options.lowercase_column_names,
        charsets=options.columns_charset,
        charset=options.charset,
        parameters=dict(parse_qsl(options.jdbc_connection_string.partition("?")[2])),
        zone=zones.required(options.jdbc_default_timezone) if options.jdbc_default_timezone else zones.of_machine(),
    )


class Runs:
    """The statement, run when it is due."""

    def __init__(self, options: JdbcOptions, reading: Reading, path: Path | None, stop: Stop) -> None:
        self.stop = stop
        self._options, self._reading, self._path = options, reading, path
        self._numeric = options.use_column_value and options.tracking_column_type == "numeric"
        self._label = f"jdbc {reading.url.host or reading.url.database}"
        self._open = 0
        self._ended = asyncio.Event()
        self._due: tuple[Any] | None = None
        """The value of a run that was read whole, until it is saved."""

    async def batches(self) -> AsyncIterator[Batch]:
        """The rows, until the statement was run, or `stop` was called."""
        troubles = Troubles(log, self._label, self.stop)
        value = await self._begin(troubles)
        while not self.stop:
            if self._options.schedule is not None:
                await self.stop.rest(self._options.schedule.after(time.time()) - time.time())
                if self.stop:
                    return
            begun, found = datetime.now(UTC), _Tracked(self._options, self._reading, value)
            failed: Exception | None = None
            whole = False
            rows = chunks(engine_of(self._reading), self._reading, value)
            try:
                while (some := await asyncio.to_thread(next, rows, None)) is not None:
                    if self.stop:
                        break
                    found.see([raw for raw, _ in some])
                    yield self._batch([row for _, row in some])
                else:
                    whole = True
            except (SQLAlchemyError, OSError) as error:
                failed = error
            finally:
                await asyncio.to_thread(_closed, rows)
            if whole:
                value = found.value if self._options.use_column_value else begun
                self._due = (value,)
            await self._settled()
            if failed is not None:  # part of it was read: the next run begins where this one did
                await troubles.pause(RuntimeError(_said(failed)))
                continue
            troubles.over()
            self._save()
            if self._options.schedule is None:
                return

    async def _begin(self, troubles: Troubles) -> Any:
        while not self.stop and self._path is not None and not self._options.clean_run:
            try:
                return await asyncio.to_thread(last_value.load, self._path, numeric=self._numeric)
            except StoreError as error:
                await troubles.pause(error)
        return 0 if self._numeric else last_value.EPOCH

    def _batch(self, rows: list[dict[str, Any]]) -> Batch:
        self._open += 1
        return Batch(_json(rows), {"id": secrets.token_hex(16)}, self._end, self._refused)

    def _end(self, _events: int) -> None:
        self._open -= 1
        self._ended.set()

    def _refused(self, error: Exception) -> None:
        log.error("%s: rows were refused: %s", self._label, error)

    async def _settled(self) -> None:
        """Returns when every batch has its end, or at a stop: then `close` comes when they have."""
        stopped = asyncio.create_task(self.stop.wait())
        while self._open and not self.stop:
            self._ended.clear()
            ended = asyncio.create_task(self._ended.wait())
            await asyncio.wait((ended, stopped), return_when=asyncio.FIRST_COMPLETED)
            ended.cancel()
        stopped.cancel()

    def _save(self) -> None:
        """Saves the value that is due, unless a row of its run has no end yet."""
        if self._path is None or self._due is None or self._open:
            return
        try:
            last_value.save(self._path, self._due[0])
        except StoreError as error:
            log.error("%s: %s; after a restart rows are read again", self._label, error)
        self._due = None

    async def close(self) -> None:
        """Saves the value of a run that had its end after the stop."""
        self._save()


class _Tracked:
    """The last value of the tracking column in the rows of a run, as in Logstash: of the last row, not the greatest."""

    def __init__(self, options: JdbcOptions, reading: Reading, value: Any) -> None:
        self.value = value
        self._wanted = options.use_column_value
        column = options.tracking_column or ""
        self._column = column.lower() if options.lowercase_column_names else column
        self._numeric, self._zone = options.tracking_column_type == "numeric", reading.zone
        self._said = False

    def see(self, rows: list[dict[str, Any]]) -> None:
        """Takes over the value of the last row that has one."""
        if not self._wanted:
            return
        for row in reversed(rows):
            found = row.get(self._column)
            if found is None:
                continue
            value = _number(found) if self._numeric else moment(found, self._zone)
            if value is not None:
                self.value = value
                return
        if not self._said:
            self._said = True
            log.warning('no value is in the tracking_column "%s" of these rows; the last one stays', self._column)


def _number(value: Any) -> Any:
    try:
        number = float(value)
    except (TypeError, ValueError):
        return None
    return int(value) if number.is_integer() else number


def _json(rows: list[dict[str, Any]]) -> bytes:
    try:
        return orjson.dumps(rows)
    except TypeError:  # an integer beyond 64 bits
        return json.dumps(rows).encode()


def _closed(rows: Iterator[Any]) -> None:
    with contextlib.suppress(SQLAlchemyError, OSError):
        rows.close()  # type: ignore[attr-defined]  # a generator: its connection is given back


def _said(error: Exception) -> str:
    """What went wrong, without the statement and its values."""
    return str(error.orig) if isinstance(error, DBAPIError) else str(error)
