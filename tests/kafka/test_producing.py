"""What follows from a broker's answers: a pure function."""

from __future__ import annotations

import pytest
from aiokafka.errors import (
    InvalidTopicError,
    KafkaTimeoutError,
    MessageSizeTooLargeError,
    NotEnoughReplicasError,
    OutOfOrderSequenceNumber,
    TopicAuthorizationFailedError,
    UnknownTopicOrPartitionError,
)

from pipeline.errors import NotAuthorised, Unavailable
from pipeline.kafka.producing import Failed, judge

FOR_NOW = [KafkaTimeoutError, NotEnoughReplicasError, UnknownTopicOrPartitionError, OutOfOrderSequenceNumber]
FOR_GOOD = [MessageSizeTooLargeError, InvalidTopicError]


@pytest.mark.parametrize("error", FOR_NOW)
def test_for_now(error: type) -> None:
    again, dead = judge([Failed(1, error())], 2, True)
    assert ([number for number, _ in again], dead) == ([1], [])
    assert error.__name__ in again[0][1]
    with pytest.raises(Unavailable, match=error.__name__):
        judge([Failed(1, error()), Failed(0, error())], 2, True)


@pytest.mark.parametrize("error", FOR_GOOD)
def test_for_good(error: type) -> None:
    again, dead = judge([Failed(2, error()), Failed(0, error()), Failed(1, KafkaTimeoutError())], 3, True)
    assert [number for number, _ in again] == [1]
    assert [number for number, _ in dead] == [0, 2]


def test_what_may_not_be_written() -> None:
    forbidden = [Failed(0, TopicAuthorizationFailedError("t"))]
    with pytest.raises(NotAuthorised, match="TopicAuthorizationFailedError"):
        judge(forbidden, 1, True)
    assert [number for number, _ in judge(forbidden, 1, False)[1]] == [0]  # one topic of many


def test_all_is_well() -> None:
    assert judge([], 3, True) == ([], [])
