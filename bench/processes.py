"""The processes of a measurement: the engine as a user starts it, the sink, the load generator.

Each is ended by its id, whatever happens. They are of process groups of their own: Ctrl-C is for the measurement alone,
which then ends them.
"""

from __future__ import annotations

import contextlib
import json
import os
import resource
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil

from bench.material import LOGGING, ROOT

START_TIMEOUT = 60.0
END_TIMEOUT = 60.0


@dataclass(frozen=True, slots=True)
class Tree:
    """A checkout whose engine is measured, with this environment's Python and packages."""

    root: Path = ROOT

    def command(self, *arguments: str) -> list[str]:
        """The command line as users have it."""
        return [str(Path(sys.executable).with_name("apex-logs")), *arguments]

    @property
    def environment(self) -> dict[str, str]:
        """Finds the package in this tree before the installed one."""
        return {**os.environ, "PYTHONPATH": str(self.root)}


class Engine:
    """`apex-logs run` in a process of its own."""

    def __init__(
        self,
        tree: Tree,
        configuration: str,
        folder: Path,
        environment: Mapping[str, str] | None = None,
        command: Sequence[str] = ("run",),
    ) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "bench.conf").write_text(configuration, encoding="utf-8")
        self.log = folder / "engine.log"
        arguments = [*command, "-f", str(folder / "bench.conf"), "--path.settings", str(LOGGING)]
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                tree.command(*arguments, "--path.data", str(folder / "data")),
                stderr=log,
                env={**tree.environment, **(environment or {})},
                process_group=0,
            )
        self._seen = psutil.Process(self.process.pid)

    def cpu(self) -> float:
        """CPU seconds that it has used, of all its threads."""
        times = self._seen.cpu_times()
        return float(times.user + times.system)

    def uss(self) -> int:
        """Bytes of memory that are its alone."""
        return int(self._seen.memory_full_info().uss)

    def cpu_of_all(self) -> float:
        """CPU seconds of it and of its workers."""
        times = [process.cpu_times() for process in self._all()]
        return float(sum(time.user + time.system for time in times))

    def uss_of_all(self) -> int:
        """Bytes of memory that are its alone, or its workers'."""
        return int(sum(process.memory_full_info().uss for process in self._all()))

    def own_of_all(self) -> int:
        """The same without pages of files, which the system can drop, and which count where nobody else has them."""
        return int(sum(part.private_dirty for process in self._all() for part in process.memory_maps()))

    def _all(self) -> list[Any]:
        return [self._seen, *self._seen.children()]

    def listening(self, port: int) -> None:
        """Returns when it listens."""
        deadline = time.monotonic() + START_TIMEOUT
        while True:
            self.alive()
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", port)) == 0:
                    return
            if time.monotonic() > deadline:
                raise TimeoutError(f"the engine does not listen on {port}: {self.said()}")
            time.sleep(0.002)

    def settled(self) -> None:
        """Returns when it has nothing to do: outputs start after the port opens, before any event."""
        deadline, before = time.monotonic() + START_TIMEOUT, -1.0
        while (now := self.cpu()) != before and time.monotonic() < deadline:
            before = now
            time.sleep(0.3)

    def alive(self) -> None:
        """Raises if it has ended."""
        if self.process.poll() is not None:
            raise RuntimeError(f"the engine ended with {self.process.returncode}: {self.said()}")

    def said(self) -> str:
        """What it wrote to its log."""
        return self.log.read_text(errors="replace")

    def end(self) -> None:
        """Drains and ends it."""
        if self.process.poll() is None:
            self.process.terminate()
        try:
            code = self.process.wait(END_TIMEOUT)
        except BaseException:  # too slow, or Ctrl-C
            self.process.kill()
            self.process.wait()
            raise
        if code:
            raise RuntimeError(f"the engine ended with {code}: {self.said()}")


@contextlib.contextmanager
def engine(
    tree: Tree,
    configuration: str,
    folder: Path,
    environment: Mapping[str, str] | None = None,
    command: Sequence[str] = ("run",),
) -> Iterator[Engine]:
    """An engine for the time of the block; settings can be given in its environment."""
    running = Engine(tree, configuration, folder, environment, command)
    try:
        yield running
    except BaseException:
        running.process.kill()
        running.process.wait()
        raise
    running.end()


class Sink:
    """The server that answers bulk requests, in a process of its own."""

    def __init__(self, *arguments: str) -> None:
        command = [sys.executable, "-m", "bench.sink", *arguments]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, cwd=ROOT, process_group=0)
        self.port = 0

    def listening(self) -> None:
        """Returns when it listens, and its port is known."""
        assert self.process.stdout is not None
        self.port = int(self.process.stdout.readline())

    def counts(self) -> dict[str, Any]:
        """What it was sent."""
        with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/_bench", timeout=30) as answer:
            found: dict[str, Any] = json.load(answer)
        return found


@contextlib.contextmanager
def sink(*arguments: str) -> Iterator[Sink]:
    """A sink for the time of the block."""
    running = Sink(*arguments)
    try:
        running.listening()
        yield running
    finally:
        running.process.terminate()
        running.process.wait()
        if running.process.stdout is not None:
            running.process.stdout.close()


class Sender:
    """A running load generator."""

    def __init__(self, port: int, windows: Path, *arguments: str) -> None:
        command = [sys.executable, "-m", "bench.load", "--port", str(port), "--windows", str(windows), *arguments]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, cwd=ROOT, process_group=0)

    def ended(self) -> bool:
        """Whether all has been sent and answered."""
        return self.process.poll() is not None

    def result(self) -> dict[str, Any]:
        """What came of it, once it has ended."""
        assert self.process.stdout is not None
        said = self.process.stdout.read()
        if self.process.wait():
            raise RuntimeError(f"the load generator ended with {self.process.returncode}")
        found: dict[str, Any] = json.loads(said)
        return found


@contextlib.contextmanager
def sender(port: int, windows: Path, *arguments: str) -> Iterator[Sender]:
    """A load generator that has ended when the block ends."""
    running = Sender(port, windows, *arguments)
    try:
        yield running
    finally:
        running.process.kill()
        running.process.wait()
        if running.process.stdout is not None:
            running.process.stdout.close()


def free_port() -> int:
    """A port of the loopback address that was free a moment ago."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def cpu_of(command: Sequence[str], environment: dict[str, str]) -> float:
    """CPU seconds of a command that ends by itself, and well."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(command, check=True, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
