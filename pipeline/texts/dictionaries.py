"""Dictionaries of words and what they stand for, in files: YAML, JSON, or CSV with two columns."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import orjson

from pipeline.dates import timestamps
from pipeline.texts import conversions
from pipeline.texts.csv_lines import line_parser

ENDINGS = (".yml", ".yaml", ".json", ".csv")


def ending(path: Path) -> str:
    """The ending that says what is in a file; raises `ValueError` for another one."""
    if path.suffix not in ENDINGS:
        raise ValueError(f'a dictionary ends in {", ".join(ENDINGS)}, not in "{path.suffix}"')
    return path.suffix


def read(path: Path) -> dict[str, Any]:
    """The dictionary in a file, nothing in an empty one; raises `OSError`, or `ValueError` with the reason.

    A key that is no text in the file (`100: Continue` in YAML) is found by none, as in Logstash: write "100". What YAML
    takes for a time is a text here, as times are in fields: `2020-01-01`, or `2020-01-01T10:00:00.000Z`.
    """
    data = path.read_bytes()
    match ending(path):
        case ".json":
            found = orjson.loads(data) if data.strip() else {}
        case ".csv":
            found = dict(_rows(data.decode("utf-8-sig")))
        case _:
            found = _yaml(data)
    if not isinstance(found, dict):
        raise ValueError("there is no dictionary in it")
    return {key: value for key, value in found.items() if isinstance(key, str)}


def _rows(text: str) -> Iterator[tuple[str | None, str | None]]:
    parse = line_parser()
    for number, line in enumerate(text.split("\n"), 1):
        try:
            row = parse(line)
        except ValueError as error:
            raise ValueError(f"line {number}: {error}") from error
        if row:
            yield row[0], row[1] if len(row) > 1 else None


def _yaml(data: bytes) -> Any:
    import yaml  # for these files alone

    class Loader(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):  # type: ignore[misc]  # C is seven times as fast
        """Takes a mapping that calls itself an ordered one, as Logstash does."""

    Loader.add_constructor("tag:yaml.org,2002:omap", lambda loader, node: loader.construct_mapping(node, deep=True))
    try:
        found = yaml.load(data, Loader)  # noqa: S506  a safe loader
    except yaml.YAMLError as error:
        raise ValueError(str(error)) from error
    return {key: _held(value) for key, value in found.items()} if isinstance(found, dict) else found or {}


def _held(value: Any) -> Any:
    """A value of YAML as an event holds it."""
    match value:
        case dict():
            return {conversions.text(key): _held(each) for key, each in value.items()}
        case list() | tuple():
            return [_held(each) for each in value]
        case set():
            return {conversions.text(key): None for key in value}
        case bytes():
            return value.decode("utf-8", "replace")
        case datetime():
            seconds = value if value.tzinfo else value.replace(tzinfo=UTC)
            return timestamps.canonical(seconds.isoformat())
        case date():
            return value.isoformat()
        case int() if type(value) is int:
            return conversions.bounded(value)
    return value
