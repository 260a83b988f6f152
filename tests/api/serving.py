"""The API as a user runs it, in a process of its own: `with serving(folder, OTEL_EXPORTER="otlp") as api`."""

from __future__ import annotations

import json
import os
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

import httpx
from apex.api.settings import Settings

from tests.proofs.oracle import in_store
from tests.servers.elasticsearch_node import free_port

PATIENCE = 60.0
DERIVE = "/signage/common/cabinets/derive"
CABINET = {"width": 48, "height": 24, "depth": 8}
NAMES = [*(name.upper() for name in Settings.model_fields), "OTEL_SEMCONV_STABILITY_OPT_IN"]
"""Variables that the machine of a test may have set for itself."""

T = TypeVar("T")


def environment(**own: str) -> dict[str, str]:
    """The machine's variables, but of the API's those alone that are given."""
    return {**{name: value for name, value in os.environ.items() if name not in NAMES}, **own}


def until(ask: Callable[[], T | None]) -> T:
    """What `ask` answers as soon as it is something."""
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        if answer := ask():
            return answer
        time.sleep(0.05)
    raise AssertionError(f"nothing came of {ask} within {PATIENCE:.0f} s")


class Process:
    """A module of the API that runs, on a port that is its own."""

    def __init__(self, module: str, folder: Path, port: int, variables: dict[str, str]) -> None:
        self.folder, self.port = folder, port
        self.url = f"http://127.0.0.1:{port}"
        self.client = httpx.Client(base_url=self.url, timeout=PATIENCE, trust_env=False)
        self.log = folder / f"{module}.log"
        self.errors = folder / f"{module}.err"
        given = {
            "DATABASE_URL": f"sqlite:///{folder / 'api.db'}",
            "LOG_TARGET": f"file:{self.log}",
            **variables,
        }
        self.database = given["DATABASE_URL"]
        with self.errors.open("ab") as errors, (folder / f"{module}.out").open("ab") as out:
            command = [sys.executable, "-m", module]
            self.process = subprocess.Popen(command, env=environment(**given), stdout=out, stderr=errors)

    def wait_for(self, path: str) -> None:
        """Returns when it answers."""

        def answers() -> bool:
            assert self.process.poll() is None, f"it ended: {self.errors.read_text()}"
            try:
                return self.client.get(path).status_code == 200
            except httpx.TransportError:
                return False

        until(answers)

    def lines(self) -> list[dict[str, Any]]:
        """The log so far."""
        text = self.log.read_text() if self.log.exists() else ""
        return [json.loads(line) for line in text.splitlines()]

    def request_lines(self, request_id: str) -> list[dict[str, Any]]:
        """The log lines about one request."""
        return [line for line in self.lines() if line.get("request_id") == request_id]

    def metrics(self) -> str:
        """What `/metrics` says."""
        return self.client.get("/metrics").text

    def metric(self, name: str) -> float:
        """The value of a series, by its name and labels as they are written; 0 where it is not there."""
        for line in self.metrics().splitlines():
            if line.startswith(name + " "):
                return float(line.rpartition(" ")[2])
        return 0.0

    def derive(self, **headers: str) -> httpx.Response:
        """Derives one cabinet."""
        return self.client.post(DERIVE, json={"cabinets": [CABINET]}, headers=headers)

    def stop(self) -> int:
        """Ends it as an operator does."""
        self.process.terminate()
        return self.process.wait(PATIENCE)


@contextmanager
def _running(module: str, folder: Path, path: str, port_name: str, variables: dict[str, str]) -> Iterator[Process]:
    folder.mkdir(exist_ok=True, parents=True)
    port = free_port()
    served = Process(module, folder, port, {port_name: str(port), **variables})
    try:
        served.wait_for(path)
        yield served
    finally:
        served.client.close()
        if served.process.poll() is None:
            served.process.terminate()
            try:
                served.process.wait(PATIENCE)
            except subprocess.TimeoutExpired:
                served.process.kill()
                served.process.wait()


@contextmanager
def serving(folder: Path, **variables: str) -> Iterator[Process]:
    """The API, ready, with an SQLite database and a log file in the folder unless variables say otherwise."""
    with _running("apex.api", folder, "/readyz", "PORT", variables) as served:
        yield served


@contextmanager
def working(folder: Path, **variables: str) -> Iterator[Process]:
    """The Celery worker, with its metrics."""
    with _running("apex.api.worker", folder, "/metrics", "WORKER_METRICS_PORT", variables) as served:
        yield served


def stored(folder: Path) -> list[tuple[str, dict[str, Any]]]:
    """The documents and their indices; none while a file comes into being."""
    try:
        return list(in_store(folder))
    except sqlite3.OperationalError:
        return []
