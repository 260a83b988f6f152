"""Read rows from a database, once or on a schedule.

    input {
      jdbc {
        jdbc_connection_string => "jdbc:postgresql://db1:5432/shop"
        jdbc_user => "reader"
        jdbc_driver_class => "org.postgresql.Driver"
        statement => "SELECT * FROM orders WHERE id > :sql_last_value ORDER BY id"
        use_column_value => true
        tracking_column => "id"
        schedule => "*/5 * * * *"
      }
    }

A row is an event, a column a field. JDBC's connection strings for PostgreSQL, MySQL, MariaDB, SQLite, SQL Server and
Oracle are understood; SQLAlchemy's own URLs name any database whose dialect is installed. No Java is loaded: drivers
and their classes are accepted, and change nothing.

With `use_prepared_statements`, parameters are `?`, and their values `prepared_statement_bind_values`. Times that the
database keeps without a zone are those of `jdbc_default_timezone` or, without it, of this machine. As in Logstash, a
date is its midnight of this machine, and a time of day one of today; with MySQL and MariaDB a `TINYINT(1)` and a
`BIT(1)` are booleans, and a `YEAR` is its first day, unless the connection string has `tinyInt1isBit=false` and
`yearIsDateType=false`.

`:sql_last_value` is the time of the last run, or with `use_column_value` the last value of `tracking_column`. It is
saved when every row of the run has been delivered, not before: what a crash interrupts is read again. Rows have no
identity of their own, so give `document_id` where they must not be written twice. Runs do not overlap: the next begins
when the rows of the last have their end.

A run that fails is said, and done again: when it is next due or, without a schedule, after a pause. Needs the extra
`jdbc`: `pip install "apex-logs[jdbc]"`.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

import orjson

from pipeline.arrivals import arrive
from pipeline.batch import Batch, Origin
from pipeline.databases.options import JdbcOptions
from pipeline.errors import ConfigurationError
from pipeline.event import Event
from pipeline.plugin import PluginContext, Reject
from pipeline.pulled import Stop

if TYPE_CHECKING:
    from pipeline.databases.runs import Runs


class Options(JdbcOptions):
    """Options of the jdbc input."""


def build(options: Options, context: PluginContext) -> Jdbc:
    """Makes the input; the database is asked when the pipeline runs."""
    if find_spec("sqlalchemy") is None:
        raise ConfigurationError(['SQLAlchemy is not installed: pip install "apex-logs[jdbc]"'])
    from pipeline.databases.runs import Runs, reading_of  # SQLAlchemy: not where no such input is

    path = None
    if options.record_last_run:
        default = context.path_data / "plugins" / "inputs" / "jdbc" / "logstash_jdbc_last_run"
        path = Path(options.last_run_metadata_path) if options.last_run_metadata_path else default
    return Jdbc(options, Runs(options, reading_of(options), path, Stop()))


class Jdbc:
    """Its data is a JSON array of rows."""

    def __init__(self, options: Options, runs: Runs) -> None:
        self._runs = runs
        self._target = options.target

    def batches(self) -> AsyncIterator[Batch]:
        """The rows of each run."""
        return self._runs.batches()

    def stop(self) -> None:
        """Take no more."""
        self._runs.stop.set()

    async def close(self) -> None:
        """Saves the last value, where its run has its end."""
        await self._runs.close()

    def decode(self, data: bytes, origin: Origin, reject: Reject) -> Iterator[Event]:
        """The events of the rows."""
        id_ = origin["id"]
        for ordinal, row in enumerate(orjson.loads(data)):
            metadata: dict[str, Any] = {"event_id": f"{id_}-{ordinal}" if ordinal else id_}
            if self._target is None:
                yield arrive(row, metadata, ordinal)
            else:
                event = Event({}, {}, ordinal)
                self._target.set(event, row)
                metadata |= event.metadata
                yield arrive(event.fields, metadata, ordinal)

    def pick(self, data: bytes, origin: Origin, piece: int) -> bytes:
        """One row."""
        return orjson.dumps([orjson.loads(data)[piece]])
