"""`apex-logs dlq`: what is in the dead letter queue."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import orjson

from pipeline.cli.arguments import print_faults
from pipeline.config.logstash_yml import read_settings
from pipeline.delivery.dead_letters import read
from pipeline.errors import ConfigurationError, StoreError


def list_letters(settings: Path | None, flags: Mapping[str, Any], as_json: bool) -> int:
    """One line a letter: its name, time, plugin and reason."""
    folder = _folder(settings, flags)
    if folder is None:
        return 2
    count = 0
    damages: list[StoreError] = []
    for name, letter in read(folder, damages.append):
        count += 1
        if as_json:
            print(orjson.dumps({"name": name, **letter}).decode())
        else:
            print(f"{name:<8} {letter['time']}  {letter['plugin']}: {_cut(letter['reason'], 120)}")
    if not count and not damages and not as_json:
        print(f"no dead letters in {folder}", file=sys.stderr)
    return _reported(damages)


def show_letter(settings: Path | None, flags: Mapping[str, Any], name: str) -> int:
    """One letter whole, readable: each part under its name."""
    folder = _folder(settings, flags)
    if folder is None:
        return 2
    damages: list[StoreError] = []
    for found, letter in read(folder, damages.append):
        if found == name:
            for part, value in letter.items():
                print(f"{part}:\n    {_shown(value)}")
            return 0
    print(f'apex-logs: there is no dead letter "{name}"; `apex-logs dlq list` names them', file=sys.stderr)
    return _reported(damages) or 2


def _reported(damages: list[StoreError]) -> int:
    for damage in damages:
        print(f"apex-logs: {damage}; only the letters before it can be read", file=sys.stderr)
    return 1 if damages else 0


def _folder(settings: Path | None, flags: Mapping[str, Any]) -> Path | None:
    """Where the settings keep dead letters; None, and every fault told, where the settings cannot be read."""
    try:
        return read_settings(settings, os.environ, flags).settings.dead_letters
    except ConfigurationError as error:
        print_faults(error)
        return None


def _cut(text: str, width: int) -> str:
    line = " ".join(text.split())
    return line if len(line) <= width else line[: width - 1] + "…"


def _shown(value: Any) -> str:
    text = value if isinstance(value, str) else orjson.dumps(value).decode()
    return text.rstrip("\n").replace("\n", "\n    ")
