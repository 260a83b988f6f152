"""Questions that hang: they are given up, and no more of them begin than there is room for."""

from __future__ import annotations

import asyncio
import threading

from apex.api.asking import MOST, Asking


def test_those_that_hang_are_given_up_and_are_few() -> None:
    begun, over = list[int](), threading.Event()

    def hang() -> str:
        begun.append(1)
        over.wait()
        return "late"

    async def ask() -> None:
        asking = Asking()
        assert await asking.answer(lambda: "at once") == "at once"
        assert await asyncio.gather(*(asking.answer(hang) for _ in range(MOST))) == [None] * MOST
        assert await asking.answer(hang) is None
        assert len(begun) == MOST
        over.set()
        answers = list[str | None]()
        while "again" not in answers:
            answers.append(await asking.answer(lambda: "again"))

    try:
        asyncio.run(asyncio.wait_for(ask(), 60))
    finally:
        over.set()
