"""A real Redis on a free loopback port, Debian's: `with started(folder) as server: server.url`."""

from __future__ import annotations

import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.servers import debian
from tests.servers.elasticsearch_node import free_port
from tests.servers.packages import NotHere

PATIENCE = 30.0


class Server:
    """A server without files; what it holds is gone when it stops."""

    def __init__(self, folder: Path, tls: tuple[Path, Path] | None = None) -> None:
        """With `tls`, a certificate and its key, it speaks TLS and nothing else."""
        self._folder, self._tls = folder, tls
        self._program = debian.program("redis-server", package="redis-server")
        self._process: subprocess.Popen[bytes] | None = None
        self.port = free_port()
        self.url = f"redis://127.0.0.1:{self.port}/0"

    def start(self) -> None:
        """Returns when it takes connections."""
        options = ["--port", str(self.port), "--bind", "127.0.0.1", "--save", "", "--dir", str(self._folder)]
        if self._tls is not None:
            certificate, key = map(str, self._tls)
            options[1] = "0"
            options += ["--tls-port", str(self.port), "--tls-cert-file", certificate, "--tls-key-file", key]
            options += ["--tls-auth-clients", "no"]
        with (self._folder / "redis.log").open("ab") as log:
            command = [self._program.path, *options]
            self._process = subprocess.Popen(command, env=self._program.environment, stdout=log, stderr=log)
        deadline = time.monotonic() + PATIENCE
        while not self._answers():
            if self._process.poll() is not None or time.monotonic() > deadline:
                raise NotHere(f"redis did not start: {(self._folder / 'redis.log').read_text()[-500:]}")
            time.sleep(0.05)

    def stop(self) -> None:
        """Ends it."""
        if self._process is not None:
            self._process.terminate()
            self._process.wait(PATIENCE)
            self._process = None

    def _answers(self) -> bool:
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self.port)) == 0


@contextmanager
def started(folder: Path, tls: tuple[Path, Path] | None = None) -> Iterator[Server]:
    """A server that is running; raises `NotHere`."""
    server = Server(folder, tls)
    server.start()
    try:
        yield server
    finally:
        server.stop()
