"""A real MariaDB on a free loopback port, Debian's: `with started(folder) as server: server.port`."""

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

PATIENCE = 60.0


class Server:
    """A server with one empty database, `shop`, that takes every user as one who may do everything."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._program = debian.program("mariadbd", package="mariadb-server-core")
        self._process: subprocess.Popen[bytes] | None = None
        self.port = free_port()
        self.url = f"mysql+pymysql://root@127.0.0.1:{self.port}/shop"

    def start(self) -> None:
        """Returns when it takes connections."""
        (self._folder / "data/shop").mkdir(parents=True)
        messages = Path(self._program.path).parents[1] / "share/mysql"
        options = ["--no-defaults", "--user=root", "--skip-grant-tables", "--bind-address=127.0.0.1"]
        options += [f"--port={self.port}", f"--datadir={self._folder}/data", f"--lc-messages-dir={messages}"]
        options += [f"--socket={self._folder}/socket", f"--pid-file={self._folder}/pid"]
        options += [
            "--innodb-flush-log-at-trx-commit=0",
            "--innodb-buffer-pool-size=16M",
            "--character-set-server=utf8mb4",
        ]
        with (self._folder / "mariadb.log").open("ab") as log:
            command = [self._program.path, *options]
            self._process = subprocess.Popen(command, env=self._program.environment, stdout=log, stderr=log)
        deadline = time.monotonic() + PATIENCE
        while not self._answers():
            if self._process.poll() is not None or time.monotonic() > deadline:
                raise NotHere(f"mariadb did not start: {(self._folder / 'mariadb.log').read_text()[-500:]}")
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
def started(folder: Path) -> Iterator[Server]:
    """The server, until the end of the block."""
    server = Server(folder)
    try:
        server.start()
        yield server
    finally:
        server.stop()
