"""`apex-logs` under test: in this process where nothing runs for long, else in one of its own."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from typer.testing import CliRunner

from pipeline.cli.main import app

APEX_LOGS = str(Path(sys.executable).with_name("apex-logs"))
PATIENCE = 30.0
THROUGH = "input { stdin { codec => json_lines } } output { stdout { codec => json_lines } }"


class Answer(NamedTuple):
    code: int
    out: str
    err: str


def invoke(*arguments: str, stdin: str = "", **environment: str) -> Answer:
    """A command that does not run a pipeline, in this process."""
    result = CliRunner().invoke(app, list(arguments), input=stdin, env=environment)
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return Answer(result.exit_code, result.stdout, result.stderr)


def run(*arguments: str, stdin: bytes = b"", cwd: Path | None = None, **environment: str) -> Answer:
    """`apex-logs run` in a process of its own, from stdin to stdout."""
    done = subprocess.run(
        [APEX_LOGS, "run", *arguments],
        input=stdin,
        capture_output=True,
        timeout=PATIENCE,
        cwd=cwd,
        env={**os.environ, **environment},
    )
    return Answer(done.returncode, done.stdout.decode(), done.stderr.decode())


class Running:
    """`apex-logs run` that goes on; what it says on stderr is gathered as it comes."""

    def __init__(self, *arguments: str, cwd: Path, **environment: str) -> None:
        self.process = subprocess.Popen(
            [APEX_LOGS, "run", *arguments],
            cwd=cwd,
            stdin=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
            env={**os.environ, **environment},
        )
        self.log: list[str] = []
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        assert self.process.stderr is not None
        self.log.extend(iter(self.process.stderr.readline, ""))

    def says(self, text: str, times: int = 1) -> None:
        """Returns when the log has said it so often."""
        until(lambda: sum(text in line for line in list(self.log)) >= times, lambda: f"{text!r} in {self.log}")

    def send(self, number: signal.Signals) -> None:
        self.process.send_signal(number)

    def wait(self) -> int:
        code = self.process.wait(PATIENCE)
        self._reader.join(PATIENCE)
        return code

    def __enter__(self) -> Running:
        return self

    def __exit__(self, *_: object) -> None:
        if self.process.poll() is None:
            self.process.kill()
        self.wait()
        assert self.process.stderr is not None
        self.process.stderr.close()


def until(holds: Callable[[], bool], what: Callable[[], str]) -> None:
    """Waits for something that another process does."""
    deadline = time.monotonic() + PATIENCE
    while not holds():
        assert time.monotonic() < deadline, f"waited in vain for {what()}"
        time.sleep(0.01)
