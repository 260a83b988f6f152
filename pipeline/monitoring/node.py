"""The process as it is seen from outside: its pipelines, its identity, and what became of reloads."""

from __future__ import annotations

import socket
import time
import uuid
from dataclasses import dataclass, field
from pathlib import Path

from pipeline.running import Running
from pipeline.settings.logstash_yml import Settings


@dataclass(slots=True)
class Reloads:
    """What became of the reloads of one pipeline, or of all of a process."""

    among: Reloads | None = None
    """Those of all, of which these are some."""
    successes: int = 0
    failures: int = 0
    last_success: float | None = None
    """Seconds since 1970."""
    last_failure: float | None = None
    last_error: str = ""

    def succeeded(self) -> None:
        """The new configuration runs."""
        self.successes += 1
        self.last_success = time.time()
        if self.among is not None:
            self.among.succeeded()

    def failed(self, error: str) -> None:
        """The new configuration has faults; the old one goes on."""
        self.failures += 1
        self.last_failure = time.time()
        self.last_error = error
        if self.among is not None:
            self.among.failed(error)


@dataclass(slots=True)
class Node:
    """What the API knows of the process that it is part of."""

    settings: Settings
    pipelines: dict[str, Running] = field(default_factory=dict)
    """Those that run now, by their id."""
    failed: dict[str, str] = field(default_factory=dict)
    """Pipelines that are to run and do not, with the reason."""
    reloads: Reloads = field(default_factory=Reloads)
    """Of all pipelines."""
    started: float = field(default_factory=time.monotonic)
    ephemeral_id: str = field(default_factory=lambda: str(uuid.uuid4()))
    """Drawn anew at each start."""
    address: str = ""
    """Where the API listens, as host:port."""
    _id: str = ""
    _reloads: dict[str, Reloads] = field(default_factory=dict)

    def reloads_of(self, name: str) -> Reloads:
        """What became of the reloads of one pipeline; they count among all."""
        return self._reloads.setdefault(name, Reloads(self.reloads))

    @property
    def host(self) -> str:
        """The name of the machine."""
        return socket.gethostname()

    @property
    def name(self) -> str:
        """`node.name`, else the name of the machine."""
        return self.settings.node_name or self.host

    @property
    def id(self) -> str:
        """Kept in `path.data/uuid`, as Logstash does; made at the first time that someone asks."""
        self._id = self._id or _kept(self.settings.path_data / "uuid")
        return self._id

    def why_not_ready(self) -> list[str]:
        """Why this process should get no new work; nothing if it may."""
        if not self.pipelines:
            return ["no pipeline runs", *(f"{name} has failed: {why}" for name, why in self.failed.items())]
        found = []
        for name, pipeline in self.pipelines.items():
            if pipeline.state != "running":
                found.append(f"{name} is {pipeline.state}")
            if pipeline.counters.blocked:
                found.append(f"{name}: dead letters cannot be written: {pipeline.counters.blocked}")
            found += [
                f"{name}: {output.label} has taken nothing for {output.stalled:.0f} s"
                for output in pipeline.counters.outputs.values()
                if output.stalled > self.settings.health_stalled_after
            ]
        return found


def _kept(path: Path) -> str:
    try:
        text = path.read_text(encoding="utf-8").strip()
        if text:
            return text
    except OSError:
        pass
    drawn = str(uuid.uuid4())
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(drawn, encoding="utf-8")
    except OSError:  # a read-only folder: the next start draws another
        pass
    return drawn
