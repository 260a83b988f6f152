"""`apex-logs ship` in a process of its own, with a configuration and files of the test."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

APEX_LOGS = str(Path(sys.executable).with_name("apex-logs"))
PATIENCE = 60.0

INPUT = """
[[inputs]]
id = "logs"
paths = ["{folder}/logs/*.log"]
"""
BEATS = """
[output.lumberjack]
hosts = {hosts}
backoff = "50ms"
backoff_max = "200ms"
"""


def configuration(
    folder: Path, *ports: int, inputs: str = INPUT, output: str = BEATS, more: str = "", tables: str = ""
) -> Path:
    """Writes node.toml; the logs are in `logs`."""
    (folder / "logs").mkdir(exist_ok=True)
    hosts = [f"127.0.0.1:{port}" for port in ports]
    text = f'data = "{folder}/data"\nscan_interval = "100ms"\nsave_interval = "100ms"\n{more}\n'
    text += inputs.format(folder=folder) + output.format(hosts=hosts, folder=folder) + tables.format(folder=folder)
    path = folder / "node.toml"
    path.write_text(text)
    return path


class Shipper:
    """Starts, kills and stops the shipper; its log is kept over all of its lives."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.log = path.with_name("ship.log")
        self.process: subprocess.Popen[bytes] | None = None

    def start(self, *arguments: str) -> None:
        with self.log.open("ab") as log:
            command = [APEX_LOGS, "ship", "-c", str(self.path), *arguments]
            self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log)

    def __enter__(self) -> Shipper:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.kill()

    def kill(self) -> None:
        """`kill -9`."""
        if self.process is not None:
            self.process.kill()
            self.process.wait(PATIENCE)

    def stop(self, number: signal.Signals = signal.SIGTERM) -> int:
        assert self.process is not None
        self.process.send_signal(number)
        return self.wait()

    def wait(self) -> int:
        assert self.process is not None
        return self.process.wait(PATIENCE)

    def said(self) -> str:
        return self.log.read_text()


def ship(path: Path, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Runs it to its end."""
    return subprocess.run(
        [APEX_LOGS, "ship", "-c", str(path), *arguments],
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        env={**os.environ, **environment},
    )
