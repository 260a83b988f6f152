import random

import pytest

from pipeline.search.counting import Percentiles, Tally


def test_a_tally_tells_kinds_apart_and_counts_a_value_once_a_document():
    tally = Tally()
    tally.add([True, 1, 1, 1.0, "1"])
    tally.add([1])
    assert [(term.value, term.count) for term in tally.terms(3).terms] == [(1, 2), ("1", 1), (True, 1)]


def test_a_tally_is_bounded_and_says_so():
    tally = Tally(most=100)
    for number in range(5000):
        tally.add([number])
        tally.add(["often"])
    found = tally.terms(1)
    assert (found.terms[0].value, found.terms[0].count, found.exact) == ("often", 5000, False)
    assert len(tally.counts) <= 200
    assert found.others == 5000


@pytest.mark.parametrize("count", [1, 2, 9, 10_000, 10_001, 60_000])
def test_percentiles_are_close(count):
    draw = random.Random(4)
    numbers = [draw.lognormvariate(3, 2) * draw.choice([1, 1, -1]) for _ in range(count)] + [0]
    sketch = Percentiles()
    sketch.add(numbers)
    ordered = sorted(numbers)
    for percent, value in sketch.at((1, 50, 95, 99, 100)).items():
        place = (len(ordered) - 1) * percent / 100
        low, high = ordered[int(place)], ordered[min(int(place) + 1, count)]
        assert low - abs(low) * 0.011 <= value <= high + abs(high) * 0.011


def test_what_is_no_number_has_no_percentiles():
    sketch = Percentiles()
    sketch.add(["1", True, float("nan"), float("inf"), None])
    assert sketch.at((50,)) == {}
