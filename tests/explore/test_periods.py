"""Times and bars."""

import pytest

from pipeline.explore.periods import BARS, BadTime, named, resolve, spelled, width_of_bars, written
from tests.explore.documents import NOON

NOON_MS = int(NOON.timestamp() * 1000)


def test_times_are_read_and_written():
    assert resolve(" ", 0, 0) is None
    assert resolve("now-1h", NOON_MS, 0) == NOON_MS - 3_600_000
    assert resolve("2026-11-23", 0, 1) == NOON_MS + 12 * 3_600_000 - 1
    assert resolve(written(NOON_MS + 7), 0, 0) == NOON_MS + 7
    with pytest.raises(BadTime, match="yesterday"):
        resolve("yesterday", 0, 0)


@pytest.mark.parametrize("span", [1, 50, 999, 60_000, 3_600_000, 7 * 86_400_000, 400 * 86_400_000, 10**14])
def test_bars_are_few_and_round(span):
    width = width_of_bars(0, span)
    assert span / width <= BARS + 1
    assert width == 1 or span / width > 5


def test_ranges_and_widths_have_names():
    assert [named("", ""), named("now-1h", ""), named("2026", "")] == ["All time", "Last hour", "2026 to now"]
    assert [spelled(each) for each in (10, 5_000, 120_000, 86_400_000)] == ["10ms", "5s", "2m", "1d"]
