"""Listening sockets: what becomes of them at the end."""

from __future__ import annotations

import asyncio
import gc
import socket

from pipeline.sockets.listening import Listener, Place


def test_a_socket_is_closed_even_if_nobody_was_accepted_yet() -> None:
    async def scenario() -> int:
        listener = Listener(Place("127.0.0.1", 0), lambda peer: asyncio.Protocol(), lambda: 0)
        await listener.start()
        listener.stop()  # before its task has run for the first time
        await listener.stopped()
        return listener.addresses[0][1]

    port = asyncio.run(scenario())
    gc.collect()  # a socket that was left open would complain here, and warnings are errors
    with socket.socket() as client:
        assert client.connect_ex(("127.0.0.1", port)) != 0
