from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.dates import timestamps
from tests.harness import FakeClock


@pytest.fixture(autouse=True)
def machine_in_utc(monkeypatch):
    monkeypatch.setenv("TZ", "UTC")
    timestamps._read.cache_clear()
    yield
    timestamps._read.cache_clear()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2026-02-03T04:05:06.789Z", "2026-02-03T04:05:06.789Z"),
        ("2026-02-03T04:05:06Z", "2026-02-03T04:05:06.000Z"),
        ("2026-02-03T04:05:06.Z", "2026-02-03T04:05:06.000Z"),
        ("2026-02-03T04:05:06.1Z", "2026-02-03T04:05:06.100Z"),
        ("2026-02-03T04:05:06.1234Z", "2026-02-03T04:05:06.123400Z"),
        ("2026-02-03T04:05:06.123456000Z", "2026-02-03T04:05:06.123456Z"),
        ("2026-02-03T04:05:06.000000001Z", "2026-02-03T04:05:06.000000001Z"),
        ("2026-02-03t04:05z", "2026-02-03T04:05:00.000Z"),
        ("2026-02-03", "2026-02-03T00:00:00.000Z"),
        ("2026-02-03Z", "2026-02-03T00:00:00.000Z"),
        ("2026-02-03T04:05:06+02", "2026-02-03T02:05:06.000Z"),
        ("2026-02-03T04:05:06+0230", "2026-02-03T01:35:06.000Z"),
        ("2026-02-03T04:05:06-05:30", "2026-02-03T09:35:06.000Z"),
        ("2026-02-03T04:05:06+02:00:30", "2026-02-03T02:04:36.000Z"),
        ("2026-02-03T04:05:06+18:00", "2026-02-02T10:05:06.000Z"),
        ("2026-07-01T12:00:00Europe/Paris", "2026-07-01T10:00:00.000Z"),
        ("2026-07-01T12:00:00utc", "2026-07-01T12:00:00.000Z"),
        ("2026-03-29T02:30:00Europe/Paris", "2026-03-29T01:30:00.000Z"),
        ("2026-10-25T02:30:00Europe/Paris", "2026-10-25T00:30:00.000Z"),
        ("2026-02-31T00:00:00.000Z", "2026-02-28T00:00:00.000Z"),
        ("2026-12-31T24:00:00.000Z", "2027-01-01T00:00:00.000Z"),
        ("0001-01-01T00:00:00.000Z", "0001-01-01T00:00:00.000Z"),
        ("9999-12-31T23:59:59.999999999Z", "9999-12-31T23:59:59.999999999Z"),
    ],
)
def test_reads_what_logstash_reads(text, expected):
    assert timestamps.canonical(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        "",
        "abc",
        "2026",
        "2026-02",
        "2026-02-3",
        "2026-02-32",
        "2026-02-00",
        "2026-13-01",
        "0000-01-01",
        "2026-02-03 04:05:06Z",
        "2026-02-03T04Z",
        "2026-02-03T25:00:00.000Z",
        "2026-02-03T24:00:00.001Z",
        "2026-02-03T04:60:00.000Z",
        "2026-02-03T04:05:60.000Z",
        "2026-02-03T04:05:06,789Z",
        "2026-02-03T04:05:06.1234567891Z",
        "2026-02-03T04:05:06+2",
        "2026-02-03T04:05:06+02:60",
        "2026-02-03T04:05:06+18:01",
        "2026-02-03T04:05:06 Z",
        "2026-02-03T04:05:06Z\n",
        "2026-02-03T04:05:06Nowhere/Land",
        "20260203T040506Z",
        "2026-W06-2T04:05:06.789Z",
        "٢٠٢٦-٠٢-٠٣T04:05:06.789Z",
        "9999-12-31T23:59:59-01:00",
        "0001-01-01T00:00:00+01:00",
    ],
)
def test_refuses_all_else(text):
    assert timestamps.canonical(text) is None


characters = st.sampled_from("0123456789-:.,TtZzWw+ /\u0663")


@given(st.lists(st.tuples(st.integers(0, 23), characters), max_size=4))
def test_the_short_way_reads_as_the_long_one(changes):
    text = list("2026-02-28T23:59:59.999Z")
    for place, character in changes:
        text[place] = character
    assert timestamps.canonical("".join(text)) == timestamps._read("".join(text))


def test_without_a_zone_the_time_is_the_machines(monkeypatch):
    monkeypatch.setenv("TZ", "Europe/Paris")
    timestamps._read.cache_clear()
    assert timestamps.canonical("2026-07-01T12:00:00") == "2026-07-01T10:00:00.000Z"


@pytest.mark.parametrize(
    ("seconds", "nanos", "expected"),
    [
        (0, 0, "1970-01-01T00:00:00.000Z"),
        (-1, 5, "1969-12-31T23:59:59.000000005Z"),
        (1478207457, 456_000_000, "2016-11-03T21:10:57.456Z"),
        (1478207457.456, 0, "2016-11-03T21:10:57.456Z"),
        (1478207457.123456, 0, "2016-11-03T21:10:57.123456Z"),
        (-0.5, 0, "1969-12-31T23:59:59.500Z"),
        (1, 1_500_000_000, "1970-01-01T00:00:02.500Z"),
        (-62_135_596_800, 0, "0001-01-01T00:00:00.000Z"),
        (253_402_300_799, 999_999_999, "9999-12-31T23:59:59.999999999Z"),
    ],
)
def test_prints_moments(seconds, nanos, expected):
    assert timestamps.from_epoch(seconds, nanos) == expected


@pytest.mark.parametrize("seconds", [253_402_300_800, -62_135_596_801, 10**18])
def test_other_years_are_refused_in_plain_words(seconds):
    with pytest.raises(ValueError, match="years 0001 to 9999"):
        timestamps.from_epoch(seconds)


def test_now_is_the_clocks():
    assert timestamps.now(FakeClock(1_700_000_000.25)) == "2023-11-14T22:13:20.250Z"
    now = timestamps.now()
    assert timestamps.canonical(now) == now


@given(st.integers(-62_135_596_800, 253_402_300_799), st.integers(0, 999_999_999))
def test_a_printed_moment_is_read_back(seconds, nanos):
    text = timestamps.from_epoch(seconds, nanos)
    assert timestamps.canonical(text) == text
    assert timestamps.epoch_nanos(text) == seconds * 1_000_000_000 + nanos
    assert timestamps.epoch_seconds(text) == seconds
    assert timestamps.epoch_millis(text) == seconds * 1000 + nanos // 1_000_000
    expected = datetime(1970, 1, 1) + timedelta(seconds=seconds, microseconds=nanos // 1000)
    assert timestamps.to_datetime(text) == expected
    if not nanos % 1_000_000:
        assert timestamps.from_millis(seconds * 1000 + nanos // 1_000_000) == text


@given(st.datetimes(timezones=st.just(UTC)), st.integers(-18 * 60, 18 * 60))
def test_offsets_agree_with_datetime(moment, minutes):
    sign, (hours, rest) = "-" if minutes < 0 else "+", divmod(abs(minutes), 60)
    local = moment.replace(tzinfo=None)
    text = f"{local.isoformat()}{sign}{hours:02d}:{rest:02d}"
    try:
        expected = local - timedelta(minutes=minutes)
    except OverflowError:
        assert timestamps.canonical(text) is None
    else:
        assert timestamps.to_datetime(timestamps.canonical(text)) == expected
