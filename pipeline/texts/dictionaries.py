"""Dictionaries of words and what they stand for, in files: YAML, JSON, or CSV with two columns."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import orjson

from pipeline.texts.csv_lines import line_parser

ENDINGS = (".yml", ".yaml", ".json", ".csv")


def ending(path: Path) -> str:
    """The ending that says what is in a file; raises `ValueError` for another one."""
    if path.suffix not in ENDINGS:
        raise ValueError(f'a dictionary ends in {", ".join(ENDINGS)}, not in "{path.suffix}"')
    return path.suffix


def read(path: Path) -> dict[str, Any]:
    """The dictionary in a file, nothing in an empty one; raises `OSError`, or `ValueError` with the reason.

    A key that is no text in the file (`100: Continue` in YAML) is found by none, as in Logstash: write "100".
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
    return {} if found is None else found
