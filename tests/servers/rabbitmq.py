"""A real RabbitMQ on free loopback ports, Debian's: `with started(folder) as server: server.port`.

Its own name, its own epmd, its own home: nothing of the machine's is touched, and both are ended by their ids.
"""

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

PATIENCE = 90.0


class Server:
    """A broker; `stop()` and `start()` keep what is durable in it."""

    def __init__(self, folder: Path, tls: tuple[Path, Path] | None = None) -> None:
        """With `tls`, a certificate and its key, it speaks TLS and nothing else."""
        self._folder = folder
        program = debian.program("rabbitmq-server", package="rabbitmq-server")
        root = Path(program.path).parent.parent.parent
        erlang = root / "usr/lib/erlang"
        try:
            self._bin = next(erlang.glob("erts-*/bin"))
            home = next((root / "usr/lib/rabbitmq/lib").glob("rabbitmq_server-*"))
        except StopIteration:
            raise NotHere(f"there is no Erlang, or no RabbitMQ, below {root}") from None
        self.port, self._epmd_port = free_port(), free_port()
        (folder / "enabled_plugins").write_text("[].\n")
        lines = ["loopback_users = none"]
        if tls is not None:
            lines += ["listeners.tcp = none", f"listeners.ssl.default = 127.0.0.1:{self.port}"]
            lines += [f"ssl_options.certfile = {tls[0]}", f"ssl_options.keyfile = {tls[1]}"]
        (folder / "rabbitmq.conf").write_text("\n".join(lines) + "\n")
        self._environment = {
            **program.environment,
            "ROOTDIR": str(erlang),
            "BINDIR": str(self._bin),
            "EMU": "beam",
            "PROGNAME": "erl",
            "HOME": str(folder),
            "ERL_LIBS": str(home / "plugins"),
            "ERL_EPMD_PORT": str(self._epmd_port),
            "ERL_EPMD_ADDRESS": "127.0.0.1",
            "ERL_CRASH_DUMP": str(folder / "crash"),
            "RABBITMQ_HOME": str(home),
            "RABBITMQ_PLUGINS_DIR": str(home / "plugins"),
            "RABBITMQ_MNESIA_BASE": str(folder / "mnesia"),
            "RABBITMQ_LOG_BASE": str(folder / "log"),
            "RABBITMQ_LOGS": "-",
            "RABBITMQ_NODENAME": f"apex{self.port}@localhost",
            **({} if tls else {"RABBITMQ_NODE_PORT": str(self.port), "RABBITMQ_NODE_IP_ADDRESS": "127.0.0.1"}),
            "RABBITMQ_DIST_PORT": str(free_port()),
            "RABBITMQ_ENABLED_PLUGINS_FILE": str(folder / "enabled_plugins"),
            "RABBITMQ_CONFIG_FILE": str(folder / "rabbitmq.conf"),
        }
        self._processes: list[subprocess.Popen[bytes]] = []

    def start(self) -> None:
        """Returns when it takes connections."""
        log = self._folder / "rabbitmq.log"
        with log.open("wb") as file:
            self._run(file, "epmd", "-port", str(self._epmd_port), "-address", "127.0.0.1")
            interface = ["-kernel", "inet_dist_use_interface", "{127,0,0,1}"]
            self._run(file, "erlexec", "-noinput", "-s", "rabbit", "boot", "-boot", "start_sasl", *interface, "+S", "1")
        deadline = time.monotonic() + PATIENCE
        while b"Server startup complete" not in log.read_bytes() or not self._answers():
            if self._processes[-1].poll() is not None or time.monotonic() > deadline:
                self.stop()
                raise NotHere(f"rabbitmq did not start: {log.read_text(errors='replace')[-800:]}")
            time.sleep(0.1)

    def _run(self, log: object, name: str, *arguments: str) -> None:
        command = [str(self._bin / name), *arguments]
        process = subprocess.Popen(command, env=self._environment, stdout=log, stderr=log, cwd=self._folder)
        self._processes.append(process)

    def _answers(self) -> bool:
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self.port)) == 0

    def stop(self) -> None:
        """Ends it, and then its epmd."""
        while self._processes:
            process = self._processes.pop()
            process.terminate()
            try:
                process.wait(PATIENCE)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()

    def kill(self) -> None:
        """Ends it as a power cut would."""
        for process in self._processes[::-1]:
            process.kill()
            process.wait()
        self._processes.clear()


@contextmanager
def started(folder: Path, tls: tuple[Path, Path] | None = None) -> Iterator[Server]:
    """A broker that is running; raises `NotHere`."""
    server = Server(folder, tls)
    server.start()
    try:
        yield server
    finally:
        server.stop()
