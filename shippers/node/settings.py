"""The configuration file of `apex-logs ship`: read, and checked whole, before anything starts."""

from __future__ import annotations

import math
import re
import resource
import tomllib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson

from pipeline.errors import ConfigurationError
from shippers.node import formats
from shippers.node.destinations import KafkaSettings, kafka, lumberjack
from shippers.node.envelopes import Marks
from shippers.node.following import Input
from shippers.node.shipping import Pace
from shippers.node.tables import Table
from shippers.node.windows import Settings as LumberjackSettings

PACKED = ("*.gz", "*.zst", "*.bz2", "*.xz", "*.zip")
"""Names of rotated files that were packed: their lines were read before."""
DAY = 86_400.0
_LARGEST_LINE = 8 << 20


@dataclass(frozen=True, slots=True)
class ShipSettings:
    """All that the file of the shipper says."""

    data: Path
    name: str
    kind: str
    details: bool
    log_level: str
    log_format: str
    inputs: list[tuple[Input, Marks]]
    most_open: int
    pace: Pace
    output: LumberjackSettings | KafkaSettings


def read(path: Path) -> ShipSettings:
    """Raises `ConfigurationError` with every fault."""
    try:
        values = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigurationError([f"{path}: cannot be read: {error.strerror}"]) from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigurationError([f"{path}: is no TOML: {error}"]) from None
    faults: list[str] = []
    settings = _settings(Table(values, str(path), "", faults))
    if faults or settings is None:
        raise ConfigurationError(list(faults))
    return settings


def _settings(table: Table) -> ShipSettings | None:
    data = table.text("data", needed="the folder for positions and the id of the agent, which has to outlive restarts")
    interval = table.seconds("scan_interval", 1.0, least=0.05)
    save_interval = table.seconds("save_interval", 1.0, least=0.05)
    drain = table.seconds("shutdown_timeout", 10.0)
    most_open = table.number("max_open_files", 4096, least=1, most=1 << 20)
    agent, log = table.table("agent"), table.table("log")
    name, kind = agent.text("name"), agent.text("type", "filebeat")
    details = agent.flag("host_metadata")
    agent.done()
    level = log.text("level", "info", choices=("trace", "debug", "info", "warn", "error", "fatal"))
    style = log.text("format", "plain", choices=("plain", "json"))
    log.done()
    tables = table.tables("inputs")
    if not tables:
        table.fault("inputs", 'is missing: at least one [[inputs]] with id = "..." and paths = ["/var/log/..."]')
    seen: set[str] = set()
    inputs = [_input(each, seen) for each in tables]
    output, batch = _output(table.table("output"))
    table.done()
    if output is None:
        return None
    soft_limit = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    pace = Pace(batch, interval, save_interval, drain)
    most = max(1, min(most_open, soft_limit // 2 // max(1, len(inputs))))
    return ShipSettings(Path(data), name, kind, details, level, style, inputs, most, pace, output)


def _input(table: Table, seen: set[str]) -> tuple[Input, Marks]:
    name = table.text("id", needed="a name that is never changed: the positions are kept under it")
    if name and not re.fullmatch(r"[\w.-]+", name):
        table.fault("id", f'"{name}" may have letters, digits, ".", "_" and "-" alone: it names a file')
    if name in seen:
        table.fault("id", f'"{name}" is the id of another input; each needs its own')
    seen.add(name)
    paths = table.texts("paths", needed='the files to follow, such as ["/var/log/app/*.log"]')
    for path in paths:
        if not path.startswith("/"):
            table.fault("paths", f'"{path}" must be an absolute path')
    formatted, flush = formats.of(table, _LARGEST_LINE)
    older = table.seconds("ignore_older", math.inf)
    settings = Input(
        id=name,
        paths=paths,
        excluded=table.texts("exclude", PACKED),
        formatted=formatted,
        from_beginning=table.text("start", "beginning", choices=("beginning", "end")) == "beginning",
        ignore_older=None if math.isinf(older) else older,
        close_inactive=table.seconds("close_inactive", 300.0, least=1.0),
        clean_removed=table.seconds("clean_inactive", 14 * DAY, least=60.0),
        copies=table.pattern("copytruncate"),
        flush_after=flush,
    )
    marks = Marks(table.anything("fields"), table.flag("fields_under_root"), table.texts("tags"))
    _check_fields(table, marks)
    table.done()
    return settings, marks


def _check_fields(table: Table, marks: Marks) -> None:
    try:
        orjson.dumps(marks.fields)
    except (TypeError, ValueError) as error:
        table.fault("fields", f"cannot be sent as JSON: {error}")


def _output(table: Table) -> tuple[Any, int]:
    kinds: dict[str, Callable[[Table], tuple[Any, int]]] = {"lumberjack": lumberjack, "kafka": kafka}
    tables = {name: table.table(name) for name in kinds if table.has(name)}
    if len(tables) != 1:
        has = "has both; leave one out" if tables else "has none"
        table.fault("", f'needs one of [output.lumberjack] with hosts = ["host:5044"] and [output.kafka], and {has}')
    found: tuple[Any, int] = (None, 1)
    for name, within in tables.items():
        found = kinds[name](within)
    table.done(list(kinds))
    return found
