"""Rows of a statement, read in a thread: page by page, or from a cursor that the database keeps.

A row is an object of its columns as JSON has them: a time in UTC as `@timestamp` is, to the microsecond; a decimal as a
number, with a fraction where its column has one (10.00 is 10.0), so that an index finds one type for all; bytes as a
text. A date is its midnight of this machine, and a time of day one of today, as they are to Sequel, which Logstash
reads with.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Any

from sqlalchemy import URL, create_engine, text
from sqlalchemy.engine import Connection, Engine
from sqlalchemy.pool import NullPool

from pipeline.databases import mysql
from pipeline.databases.last_value import EPOCH
from pipeline.databases.statements import Statement
from pipeline.dates import timestamps, zones
from pipeline.dates.zones import Zone

Row = dict[str, Any]
_SECOND = timedelta(seconds=1)


@dataclass(frozen=True, slots=True)
class Reading:
    """How a statement is read."""

    url: URL
    statement: Statement
    page: int
    """Rows of a page; 0: no pages."""
    numbered: bool
    """Whether the statement itself takes `:size` and `:offset`."""
    fetch: int
    lowercase: bool
    charsets: Mapping[str, str]
    charset: str | None
    zone: Zone
    """Of the times that the database holds without one."""
    parameters: Mapping[str, str]
    """Of the connection string."""


def engine_of(reading: Reading) -> Engine:
    """Connections for one run each: none is kept while nothing is due."""
    return create_engine(reading.url, poolclass=NullPool)


def chunks(engine: Engine, reading: Reading, last_value: Any) -> Iterator[list[tuple[Row, Row]]]:
    """Some rows at a time: each as it is, and as JSON has it. Blocks."""
    statement, values, last = reading.statement
    values = {**values, **dict.fromkeys(last, _bindable(engine, reading, last_value))}
    with engine.connect() as connection:
        if not reading.page:
            yield from _fetched(connection, reading, statement, values)
            return
        if not reading.numbered:
            # What the user wrote, in a wrapping of ours.
            statement = f"SELECT * FROM ({statement.strip().rstrip(';')}) AS t1 LIMIT :size OFFSET :offset"  # noqa: S608  the user's own
        offset = 0
        while True:
            seen = 0
            for rows in _fetched(connection, reading, statement, {**values, "size": reading.page, "offset": offset}):
                seen += len(rows)
                yield rows
            offset += reading.page
            if seen < reading.page:
                return


def _fetched(
    connection: Connection, reading: Reading, statement: str, values: Mapping[str, Any]
) -> Iterator[list[tuple[Row, Row]]]:
    streamed = connection.execution_options(stream_results=True, max_row_buffer=reading.fetch)
    with streamed.execute(text(statement), values) as result:
        names = [name.lower() if reading.lowercase else name for name in result.keys()]  # noqa: SIM118  a result iterates over rows
        readers: list[mysql.Reader | None] = [None] * len(names)
        if reading.url.get_backend_name() in {"mysql", "mariadb"}:
            readers = mysql.readers(result.cursor.description, reading.parameters)
        columns = list(zip(names, readers, strict=True))
        for rows in result.partitions(reading.fetch):
            yield [(dict(zip(names, row, strict=True)), _row(columns, row, reading)) for row in rows]


def _bindable(engine: Engine, reading: Reading, value: Any) -> Any:
    """A time as the database compares it: in its own zone; for SQLite, which has no times, as text.

    For PostgreSQL as a text with that zone, too, which a column without zones leaves out: what is bound as a time with
    a zone would be compared in the session's.
    """
    if not isinstance(value, datetime):
        return value
    local = value.astimezone(reading.zone.tzinfo)
    if engine.dialect.name == "sqlite":
        return f"{local:%Y-%m-%d %H:%M:%S.%f}"
    return local.isoformat(" ") if engine.dialect.name == "postgresql" else local.replace(tzinfo=None)


def moment(value: Any, zone: Zone) -> datetime | None:
    """A time of a column, in UTC; None for what is none, or outside the years 1 to 9999."""
    with suppress(OverflowError):
        return _moment(value, zone)
    return None


def _moment(value: Any, zone: Zone) -> datetime | None:
    if isinstance(value, str):
        try:
            value = datetime.fromisoformat(value)
        except ValueError:
            return None
    if isinstance(value, datetime):
        return (value if value.tzinfo else value.replace(tzinfo=zone.tzinfo)).astimezone(UTC)
    if isinstance(value, date):
        return datetime(value.year, value.month, value.day, tzinfo=zone.tzinfo).astimezone(UTC)
    return None


def _row(columns: list[tuple[str, mysql.Reader | None]], row: Iterable[Any], reading: Reading) -> Row:
    return {
        name: _json(value if value is None or read is None else read(value), name, reading)
        for (name, read), value in zip(columns, row, strict=True)
    }


def _json(value: Any, name: str, reading: Reading) -> Any:
    if value is None or isinstance(value, bool | int | float):
        return value
    charset = reading.charsets.get(name) or reading.charset
    if isinstance(value, str):
        return value.encode("latin-1", "replace").decode(charset, "replace") if charset else value
    if isinstance(value, datetime):
        return _timestamp(value, reading.zone)
    if isinstance(value, date):
        return _timestamp(value, zones.of_machine())
    if isinstance(value, time):
        return _timestamp(_today(value), reading.zone)
    if isinstance(value, Decimal):
        whole = int(value.as_tuple().exponent) >= 0 if value.is_finite() else False
        return int(value) if whole and abs(value) < 2**63 else float(value)
    if isinstance(value, bytes | bytearray | memoryview):
        return bytes(value).decode(charset or "utf-8", "replace")
    if isinstance(value, dict):
        return {str(key): _json(each, name, reading) for key, each in value.items()}
    if isinstance(value, list | tuple | set):
        return [_json(each, name, reading) for each in value]
    return str(value)  # a duration, an identifier


def _timestamp(value: date, zone: Zone) -> str:
    utc = moment(value, zone)
    return str(value) if utc is None else timestamps.from_epoch((utc - EPOCH) // _SECOND, utc.microsecond * 1000)


def _today(clock: time) -> datetime:
    """That time today, the clock taken for one of UTC, and to the millisecond."""
    here = datetime.now().astimezone()
    if clock.tzinfo is not None:
        clock = datetime.combine(here, clock).astimezone().time()
    return datetime.combine(here, clock.replace(microsecond=clock.microsecond // 1000 * 1000), UTC)
