from datetime import datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.dates import iso8601, joda_format, joda_parse, parsers, timestamps, zones
from pipeline.dates.locales import names_of
from tests.harness import FakeClock


@pytest.fixture(autouse=True)
def machine_in_utc(monkeypatch):
    monkeypatch.setenv("TZ", "UTC")


def reader(pattern):
    return joda_parse.compile_reader(pattern, names_of("en"), 2026)


def at(text):
    return FakeClock(timestamps.epoch_seconds(timestamps.canonical(text)))


@pytest.mark.parametrize(
    ("now", "text", "expected"),
    [
        ("2026-07-01T00:00:00Z", "Jul  4 01:29:01", "2026-07-04T01:29:01.000Z"),
        ("2026-07-01T00:00:00Z", "Dec 31 23:59:59", "2026-12-31T23:59:59.000Z"),
        ("2026-01-01T00:00:01Z", "Dec 31 23:59:59", "2025-12-31T23:59:59.000Z"),
        ("2026-01-31T23:59:59Z", "Nov 30 00:00:00", "2026-11-30T00:00:00.000Z"),
        ("2026-12-31T23:59:59Z", "Jan  1 00:00:01", "2027-01-01T00:00:01.000Z"),
        ("2026-12-31T23:59:59Z", "Feb  1 00:00:01", "2026-02-01T00:00:01.000Z"),
        ("2028-03-01T00:00:00Z", "Feb 29 12:00:00", "2028-02-29T12:00:00.000Z"),
        ("2026-03-01T00:00:00Z", "Feb 29 12:00:00", None),
        ("2026-03-01T00:00:00Z", "Feb 30 12:00:00", None),
    ],
)
def test_a_missing_year_is_the_present_one(now, text, expected):
    day = "MMM  d HH:mm:ss" if "  " in text else "MMM dd HH:mm:ss"
    parse = parsers.guessing_parser(reader(day), zones.UTC, offset_read=False, clock=at(now))
    assert parse(text) == expected
    assert parse(text) == expected


def test_at_new_year_what_was_remembered_is_forgotten():
    clock = at("2025-12-31T23:59:58Z")
    parse = parsers.guessing_parser(reader("MMM dd HH:mm:ss"), zones.UTC, offset_read=False, clock=clock)
    assert parse("Dec 31 23:59:57") == "2025-12-31T23:59:57.000Z"
    assert parse("Jan 01 00:00:00") == "2026-01-01T00:00:00.000Z"
    clock.time += 3
    assert parse("Dec 31 23:59:59") == "2025-12-31T23:59:59.000Z"
    assert parse("Jan 01 00:00:01") == "2026-01-01T00:00:01.000Z"
    clock.time += 40 * 86_400
    assert parse("Dec 31 23:59:59") == "2026-12-31T23:59:59.000Z"


def test_the_year_is_guessed_in_the_zone_of_the_text():
    paris = zones.required("Europe/Paris")
    parse = parsers.guessing_parser(
        reader("MMM dd HH:mm:ss"), paris, offset_read=False, clock=at("2026-06-01T00:00:00Z")
    )
    assert parse("Jul 04 01:29:01") == "2026-07-03T23:29:01.000Z"
    assert parse("Mar 29 02:30:00") is None
    parse = parsers.guessing_parser(
        reader("MMM dd HH:mm:ss Z"), paris, offset_read=True, clock=at("2026-01-05T00:00:00Z")
    )
    assert parse("Dec 31 23:30:00 +0000") == "2025-12-31T23:30:00.000Z"


@pytest.mark.parametrize(
    ("zone", "text", "expected"),
    [
        ("CET", "2016-03-27 01:59:59", "2016-03-27T00:59:59.000Z"),
        ("CET", "2016-03-27 02:00:00", None),
        ("CET", "2016-03-27 02:59:59", None),
        ("CET", "2016-03-27 03:00:00", "2016-03-27T01:00:00.000Z"),
        ("CET", "2016-10-30 02:30:00", "2016-10-30T00:30:00.000Z"),
        ("CET", "2016-10-30 03:00:00", "2016-10-30T02:00:00.000Z"),
        ("America/Caracas", "2007-12-09 01:00:00", "2007-12-09T05:00:00.000Z"),
        ("America/Caracas", "2007-12-09 10:00:00", "2007-12-09T14:30:00.000Z"),
        ("America/Caracas", "2016-05-01 08:18:18", "2016-05-01T12:18:18.000Z"),
        ("Australia/Lord_Howe", "2026-10-04 02:15:00", None),
        ("Europe/Paris", "1900-01-01 00:00:00", "1899-12-31T23:50:39.000Z"),
        ("Asia/Tokyo", "0001-01-01 00:00:00", None),
    ],
)
def test_local_times(zone, text, expected):
    parse = parsers.parser(reader("yyyy-MM-dd HH:mm:ss"), zones.required(zone))
    assert parse(text) == expected
    assert parse(text) == expected


MOMENTS = st.datetimes(datetime(1850, 1, 1), datetime(2150, 1, 1))
PATTERNS = [
    "yyyy-MM-dd HH:mm:ss.SSS",
    "yyyyMMddHHmmssSSS",
    "d.M.yyyy h:m:s,SSS a",
    "EEE, dd MMM yyyy HH:mm:ss.SSS Z",
    "EEEE MMMM d H:m:ss.SSS yyyy ZZ",
    "yyyy DDD kk mm ss SSS",
    "xxxx-'W'ww-e K:mm:ss.SSS a ZZZ",
    "ss.SSS HH:mm Y/MM/dd",
]


@pytest.mark.parametrize("pattern", PATTERNS)
@settings(max_examples=25)
@given(moments=st.lists(MOMENTS, min_size=1, max_size=5))
def test_what_is_printed_is_read_back(pattern, moments):
    form = joda_format.compile_format(pattern).format
    parse = parsers.parser(reader(pattern), zones.UTC)
    for moment in moments:
        stamp = timestamps.canonical(moment.isoformat(timespec="milliseconds") + "Z")
        assert parse(form(stamp)) == stamp


SECONDS = st.builds(lambda seconds: datetime(2026, 3, 29) + timedelta(seconds=seconds), st.integers(0, 7200))
DAMAGE = st.tuples(st.integers(0, 40), st.sampled_from(["", "0", "7", ":", ".", " ", "Z", "+", "x"]))


@settings(max_examples=50)
@given(st.lists(st.tuples(SECONDS, st.sampled_from(["", ".5", ".123", ",123456", "Z", "+0200"]), DAMAGE), max_size=30))
def test_memory_changes_nothing(lines):
    """Texts that share minutes, some of them damaged: a parser that remembers says what a new one says."""
    paris = zones.required("Europe/Paris")
    for pattern in ("yyyy-MM-dd'T'HH:mm:ss", "yyyy-MM-dd'T'HH:mm:ss.SSS", "yyyy-MM-dd'T'HH:mm:ssZ", "ISO8601"):
        read = iso8601.read if pattern == "ISO8601" else reader(pattern)
        old = parsers.parser(read, paris)
        for moment, ending, (place, piece) in lines:
            text = moment.isoformat() + ending
            damaged = text[:place] + piece + text[place + 1 :]
            for line in (text, damaged, text):
                assert old(line) == parsers.parser(read, paris)(line), (pattern, line)


def test_memory_is_bounded():
    parse = parsers.parser(iso8601.read, zones.UTC)
    start = datetime(2026, 1, 1)
    for minute in range(9000):
        parse((start + timedelta(minutes=minute)).isoformat() + f"+{minute % 24:02d}")
    known = parse.__self__._known
    assert sum(len(minutes) for minutes in known.values()) <= 4096
