"""A pipeline in a process of its own with the embedded store, programs that log into it, and a relay between."""

from __future__ import annotations

import secrets
import socket
import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

from pipeline.protocols.lumberjack import Opened, Receiver
from pipeline.protocols.lumberjack_events import events
from shippers.handlers.transports import Pace
from tests.proofs.engine import TextEngine
from tests.servers.elasticsearch_node import free_port

PATIENCE = 60.0
ROOT = Path(__file__).parents[3]
QUICK = Pace(delay=0.02, first_pause=0.02, longest_pause=0.1, farewell=PATIENCE)


def eventually(holds: Callable[[], Any], patience: float = PATIENCE) -> None:
    """Returns when it holds."""
    deadline = time.monotonic() + patience
    while not holds():
        assert time.monotonic() < deadline, "it does not come true"
        time.sleep(0.02)


class Pipeline(TextEngine):
    """A beats input in front of the store."""

    def __init__(self, folder: Path, options: str = "", port: int | None = None) -> None:
        port = port or free_port()
        text = f"""input {{ beats {{ port => {port} host => "127.0.0.1" {options} }} }}
        output {{ sqlite {{ path => "{folder / "store"}" index => "logs" }} }}"""
        super().__init__(folder, text, "pipeline.ecs_compatibility: disabled\n")
        self.port = port

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.port}"

    def found(self, run: str) -> list[dict[str, Any]]:
        """The documents whose `[fields][run]` it is."""
        return [document for document in self.documents() if document.get("fields", {}).get("run") == run]

    def messages(self, run: str) -> list[Any]:
        return [document["message"] for document in self.found(run)]


def new_run() -> dict[str, str]:
    """Fields that no other test has."""
    return {"run": secrets.token_hex(6)}


def program(text: str, *arguments: object, code: int = 0) -> str:
    """Runs Python in a process of its own, to its end; returns what it said on stderr.

    Newer versions warn of each fork of a process that has threads, and these are to fork.
    """
    command = [sys.executable, "-W", "ignore::DeprecationWarning", "-c", textwrap.dedent(text), *map(str, arguments)]
    ended = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=2 * PATIENCE)
    assert ended.returncode == code, ended.stderr
    return ended.stderr


class Relay:
    """Between a handler and a port. It passes windows on, and `swallows` so many answers: it closes instead."""

    def __init__(self, target: int, swallows: int = 0, reads: bool = True) -> None:
        self.target, self.swallows, self.reads = target, swallows, reads
        self.windows: list[list[bytes]] = []
        """The payloads of each window that was begun."""
        self.connections = 0
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.port = self._listening.getsockname()[1]
        self._threads = [threading.Thread(target=self._accept)]
        self._threads[0].start()

    def __enter__(self) -> Relay:
        return self

    def __exit__(self, *_: object) -> None:
        self._listening.shutdown(socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join(PATIENCE)
        self._listening.close()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                client, _ = self._listening.accept()
                self.connections += 1
                server = socket.create_connection(("127.0.0.1", self.target))
                thread = threading.Thread(target=self._link, args=(client, server))
                self._threads.append(thread)
                thread.start()

    def _link(self, client: socket.socket, server: socket.socket) -> None:
        with client, server:
            forth = threading.Thread(target=self._forth, args=(client, server))
            forth.start()
            self._back(client, server)
            forth.join()

    def _forth(self, client: socket.socket, server: socket.socket) -> None:
        receiver = Receiver()
        with suppress(OSError):
            while data := client.recv(65536):
                for item in receiver.feed(data) if self.reads else ():
                    if isinstance(item, Opened):
                        self.windows.append([])
                    else:
                        self.windows[-1] += [bytes(one) for one in events(item.data, 1 << 26, 5000)]
                server.sendall(data)
        with suppress(OSError):
            server.shutdown(socket.SHUT_RDWR)

    def _back(self, client: socket.socket, server: socket.socket) -> None:
        with suppress(OSError):
            while data := server.recv(65536):
                if self.swallows and any(data[2:6]):
                    self.swallows -= 1
                    break
                client.sendall(data)
        for end in (client, server):
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
