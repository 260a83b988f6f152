"""The database: SQLite or PostgreSQL through SQLAlchemy, its tables, and how they come to be.

Times are seconds since 1970, UTC. Tables are made when the API starts, by whichever process is first.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from sqlalchemy import (
    JSON,
    Column,
    Double,
    Engine,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    create_engine,
    event,
    insert,
    make_url,
    select,
    text,
)
from sqlalchemy.pool import QueuePool
from sqlalchemy.schema import CreateIndex, CreateTable

from apex.api.cabinets import MATERIALS

BUSY_TIMEOUT = 5.0
"""Seconds that a writer waits for another one (SQLite), or a request for a connection of the pool."""
POOL: Mapping[str, Any] = {"pool_size": 10, "max_overflow": 5, "pool_timeout": BUSY_TIMEOUT}
CONNECTIONS: int = POOL["pool_size"] + POOL["max_overflow"]
"""Connections that may be open at once."""
POSTGRES: Mapping[str, Any] = {
    "connect_timeout": int(BUSY_TIMEOUT),
    "tcp_user_timeout": int(BUSY_TIMEOUT * 1000),
    "keepalives_idle": 10,
    "keepalives_interval": 5,
    "keepalives_count": 3,
}
"""libpq's: a server whose machine or network is gone is given up after 5 s where something was sent, after 25 s where
an answer is waited for. The kernel's own patience is a quarter of an hour, for each connection of the pool."""
_SETUP_LOCK = 5044001
"""The advisory lock of PostgreSQL under which one process at a time makes the tables; any number that is ours."""

METADATA = MetaData()

MATERIAL_ROWS = Table(
    "materials",
    METADATA,
    Column("name", String(40), primary_key=True),
    Column("density_lb_ft3", Double, nullable=False),
    Column("thickness_in", Double, nullable=False),
    Column("source", String(200), nullable=False),
)
CALCULATIONS = Table(
    "calculations",
    METADATA,
    Column("id", String(32), primary_key=True),
    Column("created_at", Double, nullable=False),
    Column("cabinets", Integer, nullable=False),
    Column("area_ft2", Double, nullable=False),
    Column("weight_lb", Double, nullable=False),
    Index("calculations_by_time", "created_at"),
)
PROJECTS = Table(
    "projects",
    METADATA,
    Column("id", String(32), primary_key=True),
    Column("name", String(200), nullable=False),
    Column("cabinets", JSON, nullable=False),
    Column("status", String(20), nullable=False),
    Column("created_at", Double, nullable=False),
    Column("submitted_at", Double),
)
REPORTS = Table(
    "reports",
    METADATA,
    Column("id", String(32), primary_key=True),
    Column("project_id", String(32), nullable=False),
    Column("status", String(20), nullable=False),
    Column("queued_at", Double, nullable=False),
    Column("finished_at", Double),
    Column("content", JSON),
    Column("trace", JSON),
    Index("reports_by_status", "status", "queued_at"),
)


def open_database(url: str) -> Engine:
    """An engine with its pool; connects when it is first used. The folder of an SQLite file is made."""
    parsed = make_url(url)
    if parsed.drivername == "postgresql":
        parsed = parsed.set(drivername="postgresql+psycopg")
    if parsed.get_backend_name() == "sqlite":
        assert parsed.database is not None  # the settings allow none in memory
        Path(parsed.database).parent.mkdir(parents=True, exist_ok=True)
        engine = create_engine(parsed, connect_args={"timeout": BUSY_TIMEOUT}, poolclass=QueuePool, **POOL)
        event.listen(engine, "connect", _set_up_sqlite)
        return engine
    return create_engine(
        parsed,
        pool_pre_ping=True,
        connect_args=POSTGRES,
        **POOL,
    )


def _set_up_sqlite(connection: Any, record: object) -> None:
    """A reader never waits for the writer, and a commit does not wait for the disk: a power cut can undo the last."""
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("PRAGMA synchronous=NORMAL")


def make_tables(engine: Engine) -> None:
    """Makes the tables that are not there, and fills the table of materials if it is empty."""
    with engine.begin() as connection:
        if engine.dialect.name == "postgresql":
            connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _SETUP_LOCK})
        else:
            connection.exec_driver_sql("BEGIN IMMEDIATE")
        for table in METADATA.sorted_tables:
            connection.execute(CreateTable(table, if_not_exists=True))
            for index in table.indexes:
                connection.execute(CreateIndex(index, if_not_exists=True))
        if connection.execute(select(MATERIAL_ROWS.c.name).limit(1)).first() is None:
            connection.execute(insert(MATERIAL_ROWS), [material._asdict() for material in MATERIALS])


def connections_used(engine: Engine) -> int:
    """Connections that are in use."""
    assert isinstance(engine.pool, QueuePool)
    return engine.pool.checkedout()


def is_reachable(engine: Engine) -> bool:
    """Whether the database answers."""
    try:
        with engine.connect() as connection:
            connection.execute(text("SELECT 1"))
    except Exception:
        return False
    return True
