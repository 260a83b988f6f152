"""Tells systemd how the service fares (`Type=notify`), where systemd has started it; else every call does nothing.

One datagram to `$NOTIFY_SOCKET` each time, as sd_notify(3) describes it:

    READY=1                          the inputs listen, and the outputs are connected to or tried
    RELOADING=1 MONOTONIC_USEC=...   a new configuration is read; READY=1 follows, whatever becomes of it
    STOPPING=1                       no more is taken; what was is delivered
    WATCHDOG=1                       the loop turns: twice in each `$WATCHDOG_USEC`
"""

from __future__ import annotations

import asyncio
import logging
import os
import socket
import time
from collections.abc import MutableMapping

log = logging.getLogger("apex.systemd")

_VARIABLES = ("NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID")
_PATIENCE = 1.0
"""Seconds for which a message may wait for room in the socket."""


class Systemd:
    """The service's side of the protocol."""

    def __init__(self, environment: MutableMapping[str, str]) -> None:
        """Takes its variables out of the environment: processes that this one starts are not to speak for it."""
        given = {name: environment.pop(name, "") for name in _VARIABLES}
        self._address = given["NOTIFY_SOCKET"]
        if self._address and self._address[0] not in "/@":
            log.warning("NOTIFY_SOCKET is no socket of this machine, %r: systemd is told nothing", self._address)
            self._address = ""
        ours = given["WATCHDOG_PID"] in ("", str(os.getpid()))
        self._watchdog = int(given["WATCHDOG_USEC"]) / 1e6 if ours and given["WATCHDOG_USEC"].isdecimal() else 0.0

    def ready(self) -> None:
        """It serves, after the start or a reload."""
        self._say("READY=1", "STATUS=running")

    def reloading(self) -> None:
        """It reads its configuration anew."""
        now = time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1000
        self._say("RELOADING=1", f"MONOTONIC_USEC={now}", "STATUS=reloading")

    def stopping(self) -> None:
        """It takes no more."""
        self._say("STOPPING=1", "STATUS=delivering what is in flight")

    async def watch(self) -> None:
        """Says that the loop turns, until it is cancelled; returns at once where systemd does not ask."""
        while self._watchdog:
            self._say("WATCHDOG=1")
            await asyncio.sleep(self._watchdog / 2)

    def _say(self, *lines: str) -> None:
        if not self._address:
            return
        # A name that begins with @ is in the abstract namespace of Linux, where that byte is 0.
        address = "\0" + self._address[1:] if self._address.startswith("@") else self._address
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as to:
                to.settimeout(_PATIENCE)
                to.sendto("\n".join(lines).encode(), address)
        except OSError as error:
            log.warning("systemd cannot be told %s: %s", lines[0], error)
