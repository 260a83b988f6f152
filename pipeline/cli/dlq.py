"""`apex-logs dlq`: what is in the dead letter queue."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import orjson

from pipeline.delivery.dead_letters import read
from pipeline.errors import StoreError


def list_letters(data: Path, pipeline_id: str, as_json: bool) -> int:
    """One line a letter: its name, time, plugin and reason."""
    count = 0
    try:
        for name, letter in read(_folder(data, pipeline_id)):
            count += 1
            if as_json:
                print(orjson.dumps({"name": name, **letter}).decode())
            else:
                print(f"{name:<8} {letter['time']}  {letter['plugin']}: {_cut(letter['reason'], 120)}")
    except StoreError as error:
        print(f"apex-logs: {error}; the letters before it are above", file=sys.stderr)
        return 1
    if not count and not as_json:
        print(f"no dead letters in {_folder(data, pipeline_id)}", file=sys.stderr)
    return 0


def show_letter(data: Path, pipeline_id: str, name: str) -> int:
    """One letter whole, readable: each part under its name."""
    for found, letter in read(_folder(data, pipeline_id)):
        if found == name:
            for part, value in letter.items():
                print(f"{part}:\n    {_shown(value)}")
            return 0
    print(f'apex-logs: there is no dead letter "{name}"; `apex-logs dlq list` names them', file=sys.stderr)
    return 2


def _folder(data: Path, pipeline_id: str) -> Path:
    return data / "dead_letter_queue" / pipeline_id


def _cut(text: str, width: int) -> str:
    line = " ".join(text.split())
    return line if len(line) <= width else line[: width - 1] + "…"


def _shown(value: Any) -> str:
    text = value if isinstance(value, str) else orjson.dumps(value).decode()
    return text.rstrip("\n").replace("\n", "\n    ")
