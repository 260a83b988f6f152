"""What a worker has, and what becomes of it when the worker dies."""

from __future__ import annotations

from pipeline.batch import Batch
from pipeline.front.ledger import Dealt, Hand


def dealt(seq: int, size: int = 3) -> Dealt:
    return Dealt(seq, 0, Batch(b"x" * size, {"id": str(seq)}, lambda events: None, lambda error: None))


def test_a_hand_has_room_until_so_many_wait_in_it() -> None:
    hand = Hand()
    for seq in range(2):
        assert hand.room(2)
        hand.give(dealt(seq))
    assert (hand.room(2), hand.untaken, hand.bytes) == (False, 2, 6)
    hand.untaken -= 1
    assert hand.room(2)
    assert hand.gone(0).seq == 0
    assert (list(hand.batches), hand.bytes) == ([1], 3)


def test_what_a_worker_had_when_it_died_is_there_in_its_order() -> None:
    hand = Hand()
    for seq in (3, 1, 2):
        hand.give(dealt(seq))
    left = hand.died(None)
    assert [item.seq for item in left] == [3, 1, 2]
    assert [item.deaths for item in left] == [1, 1, 1]
    assert not any(item.suspect for item in left)
    assert (hand.batches, hand.untaken, hand.bytes) == ({}, 0, 0)


def test_what_a_worker_leaves_that_ended_well_is_no_suspect() -> None:
    hand = Hand()
    hand.give(dealt(1))
    assert [item.deaths for item in hand.left()] == [0]
    assert hand.bytes == 0


def test_after_two_deaths_a_batch_is_a_suspect_and_runs_alone() -> None:
    item = dealt(0)
    for _ in range(2):
        hand = Hand()
        hand.give(item)
        hand.died(5)
    assert item.suspect
    assert item.left_out == set()  # the worker had others, too: its progress says nothing
    alone = Hand(alone=True)
    assert alone.room(2)
    alone.give(item)
    assert not alone.room(2)


def alone(item: Dealt, position: int | None) -> None:
    hand = Hand(alone=True)
    hand.give(item)
    hand.died(position)


def test_an_event_that_two_died_of_is_left_out() -> None:
    item = dealt(0)
    alone(item, 7)
    assert item.left_out == set()  # it may have been somebody's kill -9
    alone(item, 3)
    alone(item, 7)
    assert item.left_out == {7}
    alone(item, 3)
    assert item.left_out == {3, 7}
    assert not item.raw


def test_where_decoding_is_enough_the_batch_is_dead_lettered_whole() -> None:
    item = dealt(0)
    for _ in range(4):
        assert not item.raw
        alone(item, 7)
    assert (item.left_out, item.raw) == ({7}, True)


def test_and_where_it_did_not_come_to_an_event() -> None:
    item = dealt(0)
    alone(item, None)
    alone(item, None)
    assert item.raw
