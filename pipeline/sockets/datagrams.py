"""Receives datagrams: as many as wait in the kernel become one batch; what the kernel dropped is counted and said.

    kernel's buffer -> receive -> pending (at most so many) -> the worker takes them as one batch

While as much is pending as may be, nothing is received: the kernel's buffer fills, and then it drops.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import socket
import struct
from dataclasses import dataclass

from pipeline.batch import Batch
from pipeline.errors import ConfigurationError
from pipeline.protocols.datagrams import packed
from pipeline.sockets.inbox import Inbox
from pipeline.sockets.listening import Complaints, plain_address

log = logging.getLogger("apex.input")

_DROPS = 40
"""Linux's SO_RXQ_OVFL, which Python does not name: each datagram tells how many were dropped before it."""
_ANCILLARY = socket.CMSG_SPACE(4)
_AT_ONCE = 512
"""Datagrams received before the loop goes on with its other work."""
_MOST_BYTES = 8 << 20
"""Bytes that may be pending."""


@dataclass(frozen=True, slots=True)
class Basin:
    """Where datagrams are received, and how much is held of them."""

    host: str
    port: int
    longest: int = 65536
    """Bytes of a datagram; what is longer is cut, and said."""
    most: int = 2000
    """Datagrams that may be pending."""
    receive_buffer: int | None = None
    """Bytes of the kernel's buffer; None: as the system has it."""


class Datagrams:
    """The sockets of one host and port."""

    def __init__(self, basin: Basin, inbox: Inbox, complaints: Complaints) -> None:
        self.addresses: list[tuple[str, int]] = []
        """Where datagrams are received, once they are."""
        self.dropped = 0
        """Datagrams that the kernel had no room for, as far as it has told."""
        self._basin = basin
        self._inbox = inbox
        self._complaints = complaints
        self._sockets: list[socket.socket] = []
        self._told: dict[socket.socket, int] = {}
        self._pending = bytearray()
        self._count = 0
        self._reading = False

    async def start(self, port: int | None = None) -> None:
        """Binds every address of the host; raises `ConfigurationError`."""
        host, port = self._basin.host, port or self._basin.port
        try:
            found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_DGRAM)
            for family, address in dict.fromkeys((entry[0], str(entry[4][0])) for entry in found):
                self._bind(family, address, port)
        except OSError as error:
            self.stop()
            raise ConfigurationError([f"cannot listen on {host}:{port}: {error.strerror or error}"]) from None
        log.info("receiving datagrams on %s", ", ".join(f"{address}:{port}" for address, port in self.addresses))
        self.read_or_not()

    def _bind(self, family: int, address: str, port: int) -> None:
        receiving = socket.socket(family, socket.SOCK_DGRAM)
        self._sockets.append(receiving)
        receiving.setblocking(False)
        if family == socket.AF_INET6:
            both = address == "::" and socket.has_dualstack_ipv6()
            receiving.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, not both)
        with contextlib.suppress(OSError):  # not Linux
            receiving.setsockopt(socket.SOL_SOCKET, _DROPS, 1)
        wanted = self._basin.receive_buffer
        if wanted is not None:
            receiving.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, wanted)
            got = receiving.getsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF)
            if got < wanted:
                log.warning("the kernel's receive buffer has %s bytes, not %s (see net.core.rmem_max)", got, wanted)
        receiving.bind((address, port))
        self.addresses.append(receiving.getsockname()[:2])

    # ------------------------------------------------------------------------------------ receiving

    def read_or_not(self) -> None:
        """Receives while there is room."""
        if self._inbox.full:
            self._inbox.when_room(self.read_or_not)
        room = self._count < self._basin.most and len(self._pending) < _MOST_BYTES
        wanted = bool(self._sockets) and room and not self._inbox.full
        if wanted != self._reading:
            self._reading = wanted
            loop = asyncio.get_running_loop()
            for receiving in self._sockets:
                if wanted:
                    loop.add_reader(receiving, self._receive, receiving)
                else:
                    loop.remove_reader(receiving)

    def _receive(self, receiving: socket.socket) -> None:
        before = self._count
        self._take_in(receiving, min(_AT_ONCE, self._basin.most - before))
        if self._count and not before:
            self._inbox.put(self._taken, 0)
        self.read_or_not()

    def _take_in(self, receiving: socket.socket, at_most: int) -> None:
        receive, longest = receiving.recvmsg, self._basin.longest
        for _ in range(at_most):
            try:
                payload, ancillary, flags, address = receive(longest, _ANCILLARY)
            except (BlockingIOError, InterruptedError):
                return
            except OSError as error:  # what an earlier answer of this socket met; none is sent, so none is expected
                self._complaints.say("datagrams", f"one could not be received: {error}")
                return
            if flags & socket.MSG_TRUNC:
                self._complaints.say(address[0], f"a datagram is longer than {longest} bytes and was cut (buffer_size)")
            if ancillary:
                self._count_drops(receiving, struct.unpack("I", ancillary[0][2])[0])
            self._pending += packed(plain_address(address[0]), address[1], payload)
            self._count += 1

    def _count_drops(self, receiving: socket.socket, told: int) -> None:
        more = (told - self._told.get(receiving, 0)) & 0xFFFFFFFF
        if more:
            self._told[receiving] = told
            self.dropped += more
            where = ":".join(map(str, receiving.getsockname()[:2]))
            self._complaints.tell(
                where,
                "the kernel dropped datagrams, as they came faster than they were taken; "
                "a larger receive_buffer_bytes helps against bursts",
                f"{self.dropped} since the start",
            )

    def _taken(self) -> Batch:
        data, self._pending, self._count = bytes(self._pending), bytearray(), 0
        if self._sockets:
            self.read_or_not()
        return Batch(data, {"id": os.urandom(16).hex(), "datagrams": True}, _nothing, _nothing)

    def stop(self) -> None:
        """Receives what has arrived already, and closes the sockets."""
        for receiving in self._sockets:
            if self._reading:
                asyncio.get_running_loop().remove_reader(receiving)
            before = self._count
            with contextlib.suppress(OSError):
                self._take_in(receiving, self._basin.most)
            if self._count and not before:
                self._inbox.put(self._taken, 0)
            receiving.close()
        self._sockets = []
        self._reading = False


def _nothing(_: object) -> None:
    """There is nobody to acknowledge to."""
