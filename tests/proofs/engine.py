"""The engine as a user runs it: `apex-logs run` in a process of its own, on the design document's configuration."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import psutil

from tests.proofs.oracle import in_store
from tests.servers.elasticsearch_node import free_port

APEX_LOGS = str(Path(sys.executable).with_name("apex-logs"))
LOGGING = Path(__file__).parents[2] / "infra" / "logging"
_PATIENCE = 30.0


def design_configuration(port: int, replace: Mapping[str, str] | None = None) -> str:
    """The configuration of the design document; nothing but its port and what `replace` names is another."""
    text = (LOGGING / "logstash.conf").read_text(encoding="utf-8")
    for old, new in {"port => 5044": f"port => {port}", **(replace or {})}.items():
        assert text.count(old) == 1, f"{old} is not in the configuration, once"
        text = text.replace(old, new)
    return text


class Engine:
    """Starts, kills and stops `apex-logs run`; its log is kept over all of its lives."""

    def __init__(
        self, folder: Path, arguments: Sequence[str], replace: Mapping[str, str] | None = None, settings: str = ""
    ) -> None:
        self.port = free_port()
        self.log = folder / "engine.log"
        (folder / "settings").mkdir()
        (folder / "settings" / "logstash.yml").write_text(f"pipeline.ecs_compatibility: disabled\n{settings}")
        configuration = folder / "apex.conf"
        configuration.write_text(design_configuration(self.port, replace), encoding="utf-8")
        self._command = [APEX_LOGS, "run", "-f", str(configuration), "--path.settings", str(folder / "settings")]
        self._command += ["--path.data", str(folder / "data"), *arguments]
        self.environment: Mapping[str, str] = {}
        """What it is started with beside the environment of the test."""
        self.starts = 0
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Starts a process; does not wait for it to listen."""
        self.starts += 1
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                self._command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env={**os.environ, **self.environment},
            )

    def runs(self) -> None:
        """Fails if the process ended by itself."""
        if self.process is not None and self.process.poll() is not None:
            raise AssertionError(f"the engine ended:\n{self.log.read_text()}")

    def listening(self) -> None:
        """Returns when the port answers."""
        deadline = time.monotonic() + _PATIENCE
        while time.monotonic() < deadline:
            self.runs()
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", self.port)) == 0:
                    return
            time.sleep(0.02)
        raise AssertionError(f"the engine does not listen:\n{self.log.read_text()}")

    def workers(self) -> list[psutil.Process]:
        """Its worker processes, without those that are ending."""
        assert self.process is not None
        children = psutil.Process(self.process.pid).children()
        return [child for child in children if child.status() != psutil.STATUS_ZOMBIE]

    def kill(self) -> None:
        """`kill -9`."""
        if self.process is not None:
            self.process.kill()
            self.process.wait(_PATIENCE)
            self.process = None

    def stop(self, patience: float = _PATIENCE) -> int:
        """SIGTERM; returns the exit code, if the process drains within so many seconds."""
        assert self.process is not None
        process, self.process = self.process, None
        process.send_signal(signal.SIGTERM)
        try:
            return process.wait(patience)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait(_PATIENCE)
            raise AssertionError(f"the engine does not drain:\n{self.log.read_text()}") from None


class TextEngine(Engine):
    """The same on a configuration of its own. Its log is kept over all of its lives; so is its store, if it has one."""

    def __init__(self, folder: Path, text: str, settings: str = "", arguments: Sequence[str] = ()) -> None:
        self.port = 0
        self.log = folder / "engine.log"
        (folder / "settings").mkdir(parents=True)
        (folder / "settings" / "logstash.yml").write_text(settings)
        path = folder / "own.conf"
        path.write_text(text)
        self._command = [APEX_LOGS, "run", "-f", str(path), "--path.settings", str(folder / "settings")]
        self._command += ["--path.data", str(folder / "data"), *arguments]
        self.environment = {}
        self.starts = 0
        self.process = None
        self.store = folder / "store"

    def documents(self) -> Iterator[dict[str, Any]]:
        """What is in the store."""
        return (document for _, document in in_store(self.store))
