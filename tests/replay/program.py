"""`apex-logs replay` as a user runs it, on archives that a test writes, into an embedded store."""

from __future__ import annotations

import contextlib
import json
import logging
import os
import re
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from typing import Any, NamedTuple

from typer.testing import CliRunner

from pipeline.cli.main import app

APEX_LOGS = str(Path(sys.executable).with_name("apex-logs"))
PATIENCE = 60.0
THROUGH = 'input { beats { port => 5044 } } output { elasticsearch { index => "logs-%{+YYYY.MM.dd}" } }'


class Answer(NamedTuple):
    code: int
    out: str
    err: str


def command(folder: Path, *arguments: str, text: str | None = THROUGH) -> list[str]:
    """The command line: through a configuration without ECS, into a store in the folder; without `text`, through the
    configuration among the arguments."""
    ecs = ("--pipeline.ecs_compatibility", "disabled")
    if text is None:
        return [APEX_LOGS, "replay", *arguments, *ecs, "--path.data", str(folder / "data")]
    return [APEX_LOGS, "replay", *arguments, "-e", text, *ecs, "--embedded", str(folder / "store")]


def replay(folder: Path, *arguments: str, text: str | None = THROUGH) -> Answer:
    """Runs it to its end, in this process."""
    log = logging.getLogger("apex")
    level = log.level
    try:
        with contextlib.chdir(folder):
            result = CliRunner().invoke(app, command(folder, *arguments, text=text)[1:])
    finally:
        log.setLevel(level)  # the command has set it for its process
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return Answer(result.exit_code, result.stdout, result.stderr)


def program(
    folder: Path, *arguments: str, text: str = THROUGH, stdin: bytes = b"", environment: dict[str, str] | None = None
) -> Answer:
    """Runs it to its end, in a process of its own."""
    done = subprocess.run(
        command(folder, *arguments, text=text),
        input=stdin,
        capture_output=True,
        timeout=PATIENCE,
        cwd=folder,
        env={**os.environ, **(environment or {})},
    )
    return Answer(done.returncode, done.stdout.decode(), done.stderr.decode())


class Document(NamedTuple):
    index: str
    id: str
    source: dict[str, Any]


def stored(folder: Path) -> list[Document]:
    """Every document of the store, read with sqlite3 alone, in the order of their ids."""
    found = []
    for path in sorted((folder / "store" / "indices").glob("*.sqlite")):
        with closing(sqlite3.connect(path)) as connection:
            [(index,)] = connection.execute("SELECT value FROM facts WHERE name = 'index'")
            for name, source in connection.execute("SELECT id, source FROM documents"):
                found.append(Document(index, name, json.loads(source)))
    return sorted(found, key=lambda document: document.id)


def envelope(number: int, **more: Any) -> dict[str, Any]:
    """An event as Filebeat's file output writes it; one event in three is of another day."""
    return {
        "@timestamp": f"2026-11-{20 + number % 3}T10:00:{number % 60:02}.{number % 1000:03}Z",
        "@metadata": {"beat": "filebeat", "type": "_doc", "version": "8.14.3"},
        "message": f"line {number}",
        "log": {"offset": number * 10, "file": {"path": "/var/log/a.log", "inode": "7", "device_id": "1"}},
        "agent": {"id": "agent-1", "name": "node-1", "type": "filebeat"},
        **more,
    }


def lines(documents: list[Any]) -> bytes:
    """NDJSON."""
    return b"".join(json.dumps(document).encode() + b"\n" for document in documents)


def counts(answer: Answer) -> dict[str, int]:
    """The summary's first table: this run."""
    return {name: numbers[0] for name, numbers in _table(answer).items()}


def in_all(answer: Answer) -> dict[str, int]:
    """The same of all runs; this one, where it was the first."""
    return {name: numbers[-1] for name, numbers in _table(answer).items()}


def _table(answer: Answer) -> dict[str, list[int]]:
    rows = [re.split(r"  +", line) for line in answer.out.split("\n\n")[0].splitlines()]
    return {name: [int(number.replace(",", "")) for number in numbers] for name, *numbers in rows if name}
