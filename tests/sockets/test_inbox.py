"""What waits to be taken."""

from __future__ import annotations

import asyncio
from functools import partial
from typing import Any

from pipeline.batch import Batch
from pipeline.sockets.inbox import Inbox


def batch(data: bytes) -> Batch:
    return Batch(data, {"id": "x"}, lambda events: None, lambda error: None)


def test_batches_come_in_their_order_and_senders_hear_of_room_once() -> None:
    async def test() -> None:
        inbox, heard = Inbox(10), []

        def hear() -> None:
            heard.append(inbox.bytes)

        for data in (b"12345", b"678", b"90"):
            inbox.put(partial(batch, data), len(data))
        assert inbox.full
        inbox.when_room(hear)
        inbox.when_room(hear)
        inbox.close()
        assert [one.data async for one in inbox.batches()] == [b"12345", b"678", b"90"]
        assert heard == [5]
        assert inbox.bytes == len(inbox) == 0

    asyncio.run(test())


def test_what_nobody_has_taken_can_be_taken_back() -> None:
    async def test() -> None:
        inbox = Inbox()
        takes: list[Any] = [lambda: batch(b"one"), lambda: batch(b"two")]
        for take in takes:
            inbox.put(take, 3)
        assert inbox.withdraw(takes[0])
        assert not inbox.withdraw(takes[0])
        assert inbox.bytes == 3
        inbox.close()
        assert [one.data async for one in inbox.batches()] == [b"two"]
        assert not inbox.withdraw(takes[1])

    asyncio.run(test())


def test_it_ends_when_it_is_closed_while_somebody_waits() -> None:
    async def test() -> None:
        inbox = Inbox()
        asyncio.get_running_loop().call_soon(inbox.close)
        assert [one async for one in inbox.batches()] == []

    asyncio.run(test())
