"""What follows from a broker's answers, where a broker gives them seldom."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence

import pytest
from aiokafka.errors import (
    KafkaError,
    MessageSizeTooLargeError,
    NotEnoughReplicasError,
    OutOfOrderSequenceNumber,
    RecordListTooLargeError,
    UnknownTopicOrPartitionError,
)

from shippers.handlers.producing import Producing

PARTS = [[b"one", b"two"], [b"three"]]


@pytest.fixture
def producing() -> Iterator[Producing]:
    made = Producing({}, "topic")
    yield made
    made.close()


def _judged(producing: Producing, answers: Sequence[type[KafkaError] | None]) -> Exception | None:
    async def judge() -> Exception | None:
        futures = []
        for answer in answers:
            future = asyncio.get_running_loop().create_future()
            future.set_result(None) if answer is None else future.set_exception(answer())
            futures.append(future)
        return await producing._judged(list(zip(PARTS, futures, strict=True)))

    return asyncio.run_coroutine_threadsafe(judge(), producing._loop).result(30)


@pytest.mark.parametrize(
    ("answers", "still_open", "refused", "broken"),
    [
        ([None, None], [], 0, False),
        ([NotEnoughReplicasError, None], [PARTS[0]], 0, False),
        ([UnknownTopicOrPartitionError, NotEnoughReplicasError], PARTS, 0, False),
        ([None, OutOfOrderSequenceNumber], [PARTS[1]], 0, True),
        ([RecordListTooLargeError, None], [PARTS[0]], 0, True),
        ([None, MessageSizeTooLargeError], [], 1, True),
        ([MessageSizeTooLargeError, OutOfOrderSequenceNumber], PARTS, 0, True),
    ],
)
def test_what_is_open_again(
    producing: Producing,
    answers: Sequence[type[KafkaError] | None],
    still_open: list[list[bytes]],
    refused: int,
    broken: bool,
) -> None:
    failure = _judged(producing, answers)
    large = (MessageSizeTooLargeError, RecordListTooLargeError)
    failures = tuple(answer for answer in answers if answer is not None and answer not in large)
    assert isinstance(failure, failures) if failures else failure is None
    assert (producing._open, producing._refused, producing._broken) == (still_open, refused, broken)


def test_a_part_that_is_too_large_makes_the_next_ones_smaller(producing: Producing) -> None:
    before = producing._largest
    _judged(producing, [RecordListTooLargeError, None])
    assert producing._largest == len(b"onetwo") // 2 < before
