"""What has its end: ranges against a set."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from pipeline.stored_queue.ended import Ended

RANGES = st.lists(st.tuples(st.integers(1, 40), st.integers(0, 5)), max_size=30)


@given(upto=st.integers(0, 10), ranges=RANGES, first=st.integers(1, 50), length=st.integers(0, 12))
def test_it_is_a_set(upto: int, ranges: list[tuple[int, int]], first: int, length: int) -> None:
    ended, model = Ended(upto), set(range(1, upto + 1))
    for begin, more in ranges:
        ended.add(begin, begin + more)
        model.update(range(begin, begin + more + 1))
    assert {number for number in range(1, 60) if number in ended} == model
    last = first + length
    wanted = set(range(first, last + 1))
    assert ended.covers(first, last) is (wanted <= model)
    missing = [number for begin, end in ended.missing(first, last) for number in range(begin, end + 1)]
    assert missing == sorted(wanted - model)
    assert Ended(ended.upto, ended.ranges) == ended == ended.copy()
    edges = [ended.upto, *(edge for pair in ended.ranges for edge in pair)]
    assert all(
        after - before > 1 for before, after in zip(edges[::2], edges[1::2], strict=False)
    )  # ranges do not touch


def test_numbers_in_order_keep_it_short() -> None:
    ended = Ended()
    for number in range(1, 1000):
        ended.add(number)
    ended.add(1002)
    assert (ended.upto, ended.ranges) == (999, [(1002, 1002)])
    ended.add(1000, 1001)
    assert (ended.upto, ended.ranges) == (1002, [])
