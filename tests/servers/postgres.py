"""A real PostgreSQL on a free loopback port: `with started() as server: server.url`. It is the machine's, or Debian's.

It refuses to be root, so for root it is another user's, in a folder that this user can reach.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.servers import debian
from tests.servers.elasticsearch_node import free_port
from tests.servers.packages import NotHere

NOBODY = 65534
PATIENCE = 60.0
_SETTINGS = {"fsync": "off", "synchronous_commit": "off", "shared_buffers": "32MB", "max_connections": "60"}


class Server:
    """A database server with one empty database, `apex`; `stop()` and `start()` keep what is in it."""

    def __init__(self, folder: Path) -> None:
        self._data = folder / "data"
        self._log = folder / "postgres.log"
        self._postgres = debian.program("postgres", package="postgresql-15")
        self._initdb = debian.program("initdb", package="postgresql-15")
        self._user: dict[str, Any] = {"user": NOBODY, "group": NOBODY} if os.geteuid() == 0 else {}
        self._process: subprocess.Popen[bytes] | None = None
        self.port = free_port()
        self.url = f"postgresql://tester@127.0.0.1:{self.port}/postgres"

    def prepare(self) -> None:
        """Makes the files of an empty server."""
        command = [self._initdb.path, "-D", str(self._data), "-U", "tester", "-A", "trust", "-N", "-E", "UTF8"]
        done = subprocess.run(command, capture_output=True, text=True, env=self._initdb.environment, **self._user)
        if done.returncode:
            raise NotHere(f"initdb: {done.stderr.strip()[-500:]}")

    def start(self) -> None:
        """Returns when it takes connections."""
        settings = {**_SETTINGS, "port": self.port, "listen_addresses": "127.0.0.1", "unix_socket_directories": ""}
        options = [word for name, value in settings.items() for word in ("-c", f"{name}={value}")]
        command = [self._postgres.path, "-D", str(self._data), *options]
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                command, env=self._postgres.environment, stdout=log, stderr=log, **self._user
            )
        deadline = time.monotonic() + PATIENCE
        while "ready to accept connections" not in self._log.read_text(errors="replace"):
            if self._process.poll() is not None or time.monotonic() > deadline:
                raise NotHere(f"postgres did not start: {self._log.read_text(errors='replace')[-500:]}")
            time.sleep(0.05)

    def signal(self, number: signal.Signals) -> None:
        """Sends a signal to it and its processes: after SIGSTOP it takes connections and is silent."""
        assert self._process is not None
        pid = self._process.pid
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
        for each in (pid, *map(int, children)):
            os.kill(each, number)

    def stop(self) -> None:
        """Ends it, and the connections to it, at once but cleanly."""
        if self._process is not None:
            self._process.send_signal(signal.SIGINT)
            self._process.wait(PATIENCE)
            self._process = None
            self._log.write_text("")


@contextmanager
def started() -> Iterator[Server]:
    """A server that is running; raises `NotHere`."""
    folder = Path(tempfile.mkdtemp(prefix="apex-postgres-"))
    try:
        if os.geteuid() == 0:
            os.chown(folder, NOBODY, NOBODY)
        server = Server(folder)
        server.prepare()
        server.start()
        try:
            yield server
        finally:
            server.stop()
    finally:
        shutil.rmtree(folder, ignore_errors=True)
