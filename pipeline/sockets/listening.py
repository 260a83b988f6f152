"""Listening sockets: accepts clients up to a bound, shakes hands with them, and says in a line why one was refused.

It owns a client until its protocol has the connection.
"""

from __future__ import annotations

import asyncio
import logging
import socket
import ssl
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

from pipeline.errors import ConfigurationError

log = logging.getLogger("apex.input")

_SAME_COMPLAINT = 60.0
"""Seconds in which a complaint about a client is not repeated."""
_PLAIN_BYTES = ("WRONG_VERSION_NUMBER", "HTTP_REQUEST", "UNKNOWN_PROTOCOL", "HTTPS_PROXY_REQUEST")


@dataclass(slots=True)
class Complaints:
    """One clear line about a client, not again within a minute."""

    _said: dict[str, float] = field(default_factory=dict)

    def say(self, peer: str, what: str) -> None:
        """Writes the line to the log, unless it was just said."""
        self.tell(peer, what)

    def tell(self, peer: str, what: str, details: str = "") -> None:
        """The same with details that differ each time."""
        text = f"{peer}: {what}"
        now = asyncio.get_running_loop().time()
        if now - self._said.get(text, -_SAME_COMPLAINT) >= _SAME_COMPLAINT:
            if len(self._said) > 1000:
                self._said.clear()
            self._said[text] = now
            log.warning("%s%s", text, f" ({details})" if details else "")


@dataclass(frozen=True, slots=True)
class Place:
    """Where to listen, and what a client must do there."""

    host: str
    port: int
    tls: ssl.SSLContext | None = None
    handshake_timeout: float = 10.0
    max_connections: int = 10_000
    keep_alive: bool = True
    """Whether the kernel looks after silent clients, so that one that is gone is noticed."""

    def renewed(self, fresh: Place) -> Place:
        """The same with another's certificates and keys."""
        return replace(self, tls=fresh.tls)


class Listener:
    """Accepts clients; `protocol(peer)` takes each one over, `connected()` says how many there are."""

    def __init__(self, place: Place, protocol: Callable[[str], asyncio.Protocol], connected: Callable[[], int]) -> None:
        self.addresses: list[tuple[str, int]] = []
        """Where it listens, once it does."""
        self.complaints = Complaints()
        self.place = place
        self._protocol = protocol
        self._connected = connected
        self._accepting: set[asyncio.Task[None]] = set()
        self._greeting: set[asyncio.Task[None]] = set()

    async def start(self) -> None:
        """Listens on every address of the host; raises `ConfigurationError`."""
        host, port = self.place.host, self.place.port
        try:
            found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
            for family, address in dict.fromkeys((entry[0], str(entry[4][0])) for entry in found):
                both = address == "::" and socket.has_dualstack_ipv6()
                listening = socket.create_server((address, port), family=family, backlog=1024, dualstack_ipv6=both)
                listening.setblocking(False)
                self.addresses.append(listening.getsockname()[:2])
                accepting = _keep(self._accepting, self._accept(listening))
                accepting.add_done_callback(partial(_close, listening))
        except OSError as error:
            self.stop()
            raise ConfigurationError([f"cannot listen on {host}:{port}: {error.strerror or error}"]) from None
        log.info("listening on %s", ", ".join(f"{address}:{port}" for address, port in self.addresses))

    def stop(self) -> None:
        """Accepts no more; a handshake that is under way is broken off.

        Without TLS a client is taken over in a moment: uvloop closes one that is broken off between two steps of it,
        and does not tell its protocol.
        """
        for task in (*self._accepting, *(self._greeting if self.place.tls else ())):
            task.cancel()

    async def stopped(self) -> None:
        """Returns when the sockets are closed."""
        tasks = {*self._accepting, *self._greeting}
        if tasks:
            await asyncio.wait(tasks)

    async def _accept(self, listening: socket.socket) -> None:
        loop = asyncio.get_running_loop()
        bound = self.place.max_connections
        while True:
            try:
                client, address = await loop.sock_accept(listening)
            except OSError as error:  # no descriptors left, or the client is gone already
                self.complaints.say("accept", f"a connection could not be accepted: {error}")
                await asyncio.sleep(0.1)
                continue
            if self._connected() + len(self._greeting) >= bound:
                client.close()
                self.complaints.say(address[0], f"turned away, as there are {bound} connections (max_connections)")
                continue
            _keep(self._greeting, self._greet(client, address[0]))

    async def _greet(self, client: socket.socket, peer: str) -> None:
        context = self.place.tls
        try:
            if self.place.keep_alive:
                client.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
            await asyncio.get_running_loop().connect_accepted_socket(
                lambda: self._protocol(peer),
                client,
                ssl=context,
                ssl_handshake_timeout=self.place.handshake_timeout if context else None,
            )
        except OSError as error:  # ssl.SSLError is one
            client.close()
            self.complaints.say(peer, _failure(error))


def plain_address(address: str) -> str:
    """An IPv4 address as it is written, also where a socket for both families says it as an IPv6 one."""
    return address.removeprefix("::ffff:") if "." in address else address


def _keep(tasks: set[asyncio.Task[None]], work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
    task = asyncio.get_running_loop().create_task(work)
    tasks.add(task)
    task.add_done_callback(tasks.discard)
    return task


def _close(listening: socket.socket, _done: asyncio.Task[None]) -> None:
    """A task that is cancelled before it began closes nothing by itself."""
    listening.close()


def _failure(error: OSError) -> str:
    reason = str(getattr(error, "reason", None) or error.strerror or error or type(error).__name__)
    if reason in _PLAIN_BYTES:
        return "plain bytes on a port with TLS; turn TLS on in the client, or off here (ssl_enabled)"
    if reason == "PEER_DID_NOT_RETURN_A_CERTIFICATE":
        return "no client certificate, and one is required (ssl_client_authentication)"
    return f"the TLS handshake failed: {reason}"
