"""The bus: what is handed to an address is kept until a pipeline has ended it."""

from __future__ import annotations

import asyncio

import pytest

from pipeline.bus import Box, Bus, Handover
from pipeline.errors import Unattended


def put(box: Box, *data: bytes) -> list[Handover]:
    return [box.put(each, {"id": each.decode()}) for each in data]


async def everything(box: Box) -> list[bytes]:
    taken = []
    while (handover := await box.take(lambda: not box.waiting)) is not None:
        taken.append(handover.data)
    return taken


def test_what_is_given_back_comes_before_the_rest_and_without_what_has_ended() -> None:
    async def scenario() -> None:
        box = Bus().box("x")
        first, second, third = put(box, b"1", b"2", b"3")
        taken = [await box.take(lambda: False) for _ in range(3)]
        assert taken == [first, second, third]
        put(box, b"4")
        second.ended.set_result(None)
        box.give_back([first, second, third])
        assert await everything(box) == [b"1", b"3", b"4"]

    asyncio.run(scenario())


def test_what_is_withdrawn_is_not_taken() -> None:
    async def scenario() -> None:
        box = Bus().box("x")
        first, second = put(box, b"1", b"2")
        box.withdraw(first)
        box.withdraw(first)
        assert await box.take(lambda: False) is second

    asyncio.run(scenario())


def test_at_a_reload_the_next_one_takes_the_rest() -> None:
    async def scenario() -> None:
        box = Bus().box("x")
        put(box, b"1")
        assert await box.take(lambda: True) is None  # it is stopped, and another follows
        assert await everything(box) == [b"1"]

    asyncio.run(scenario())


def test_at_the_end_those_that_take_wait_for_those_that_hand_over() -> None:
    async def scenario() -> None:
        bus = Bus()
        box = bus.box("x")
        box.serve(True)
        box.sender(1)
        taking = asyncio.create_task(everything_at_the_end(bus, box))
        await asyncio.sleep(0)
        bus.end()
        put(box, b"last")
        await asyncio.sleep(0)
        assert not taking.done()
        box.sender(-1)
        assert await taking == [b"last"]

    asyncio.run(scenario())


async def everything_at_the_end(bus: Bus, box: Box) -> list[bytes]:
    taken = []
    while (handover := await box.take(lambda: bus.ending)) is not None:
        taken.append(handover.data)
        handover.ended.set_result(None)
    return taken


def test_at_the_end_what_nobody_will_take_fails() -> None:
    async def scenario() -> None:
        bus = Bus()
        box = bus.box("x")
        (before,) = put(box, b"before")
        await asyncio.sleep(0)
        assert not before.ended.done()
        bus.end()
        (after,) = put(box, b"after")
        for handover in (before, after):
            with pytest.raises(Unattended, match='no pipeline with the address "x" runs any more'):
                await handover.ended

    asyncio.run(scenario())
