"""`apex-logs search`: what a query finds in the embedded store, newest first."""

from __future__ import annotations

import re
import shutil
import sys
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import orjson
import typer

from pipeline.errors import StoreError
from pipeline.languages.kql_query import compile_query
from pipeline.languages.kql_tree import QueryError
from pipeline.store.reader import Hit, Search, load
from pipeline.store.reader import search as find

_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800}
_LEVELS = (("log", "level"), ("level",), ("severity",))
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")


def search(
    query: Annotated[str, typer.Argument(help="Free text, field:value, wildcards; * is everything.")] = "*",
    embedded: Annotated[Path, typer.Option("--embedded", metavar="DIR", help="The embedded store.")] = Path("data"),
    last: Annotated[str | None, typer.Option("--last", metavar="AGE", help="Only the last 15m, 2h or 7d.")] = None,
    limit: Annotated[int, typer.Option("--limit", min=1, help="At most so many hits.")] = 100,
    index: Annotated[str, typer.Option("--index", metavar="GLOB", help="Only indices of that name.")] = "*",
    as_json: Annotated[bool, typer.Option("--json", help="One line a hit: _index, _id, _source.")] = False,
) -> None:
    """Search the embedded store, newest first."""
    try:
        hits = find(embedded, Search(compile_query(query), limit, _since(last), index))
    except QueryError as error:
        raise _stopped(f"cannot read this query: {error}", 2) from None
    except StoreError as error:
        raise _stopped(*no_store(embedded, error)) from None
    if as_json:
        for hit in hits:
            head = b'{"_index":%b,"_id":%b,"_source":' % (orjson.dumps(hit.index), orjson.dumps(hit.id))
            sys.stdout.buffer.write(head + hit.source + b"}\n")
        sys.stdout.buffer.flush()
    else:
        width = shutil.get_terminal_size().columns if sys.stdout.isatty() else 0
        for hit in hits:
            typer.echo(line(hit, width))
    if not hits:
        typer.echo(f"no hits for {query} in {embedded}{f', in the last {last}' if last else ''}", err=True)


def no_store(directory: Path, error: StoreError) -> tuple[str, int]:
    """What to say, and the exit code, where a store cannot be read or is not there."""
    if (directory / "indices").is_dir():
        return str(error), 1
    make = f"make one with: apex-logs run -f FILE.conf --embedded {directory}"
    return f"{error}; name its folder with --embedded, or {make}", 2


def _stopped(message: str, code: int) -> typer.Exit:
    typer.echo(message, err=True)
    return typer.Exit(code)


def _since(last: str | None) -> int | None:
    if last is None:
        return None
    found = re.fullmatch(r"(\d{1,9})([smhdw])", last.strip())
    if found is None:
        raise _stopped(f'--last takes a number and a unit, such as 15m, 2h or 7d; not "{last}"', 2)
    return int((time.time() - int(found[1]) * _UNITS[found[2]]) * 1000)


def line(hit: Hit, width: int = 0) -> str:
    """A hit for people: time, index, level, message; cut to a width if that is not 0.

    What a document holds came from anywhere: nothing in it may steer the terminal.
    """
    document = load(hit.source)
    parts = [_moment(hit.timestamp), hit.index, _level(document), _message(document)]
    text = _CONTROL.sub(_shown, " ".join(part for part in parts if part))
    return text if not width or len(text) <= width else text[: width - 1] + "…"


def _shown(control: re.Match[str]) -> str:
    return {"\n": "⏎", "\t": " "}.get(control[0], f"\\x{ord(control[0]):02x}")


def _moment(timestamp: int | None) -> str:
    if timestamp is None:
        return "-" * 23
    try:
        moment = datetime.fromtimestamp(timestamp // 1000, UTC)
    except (ValueError, OverflowError, OSError):
        return str(timestamp)
    return f"{moment:%Y-%m-%d %H:%M:%S}.{timestamp % 1000:03}"


def _level(document: dict[str, Any]) -> str:
    for path in _LEVELS:
        value: Any = document
        for key in path:
            value = value.get(key) if type(value) is dict else None
        if type(value) is str:
            return value.upper()
    return ""


def _message(document: dict[str, Any]) -> str:
    message = document.get("message")
    if type(message) is str:
        return message
    rest = {key: value for key, value in document.items() if key not in ("@timestamp", "@version")}
    return orjson.dumps(rest).decode()
