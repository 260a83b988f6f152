import pytest

from pipeline.dates import timestamps
from pipeline.errors import ConfigurationError, FilterFailure
from pipeline.event import Event
from pipeline.filters.date import Options, build
from tests.harness import FakeClock, context, filtered

BEFORE = "2001-02-03T04:05:06.000Z"


@pytest.fixture(autouse=True)
def machine_in_utc(monkeypatch):
    monkeypatch.setenv("TZ", "UTC")


def date(options, *events):
    return filtered(f"filter {{ date {{ {options} }} }}", *events)


@pytest.mark.parametrize(
    ("options", "value", "expected"),
    [
        ('match => ["m", "ISO8601"]', "2013-07-01T12:00:00.123456Z", "2013-07-01T12:00:00.123Z"),
        ('match => ["m", "ISO8601"] timezone => "America/Caracas"', "2007-12-09T01:00:00", "2007-12-09T05:00:00.000Z"),
        ('match => ["m", "UNIX"]', 1478207457.456, "2016-11-03T21:10:57.456Z"),
        ('match => ["m", "UNIX"]', "1478207457", "2016-11-03T21:10:57.000Z"),
        ('match => ["m", UNIX_MS]', 1000000000123, "2001-09-09T01:46:40.123Z"),
        ('match => ["m", TAI64N]', "@4000000050d506482dbdf024", "2012-12-22T01:00:46.767Z"),
        ('match => ["m", "dd MMMM yyyy"] locale => "fr_FR"', "14 juillet 1989", "1989-07-14T00:00:00.000Z"),
        ('match => ["m", "UNIX", "dd/MM/yyyy", "MM/dd/yyyy"]', "12/25/2015", "2015-12-25T00:00:00.000Z"),
        ('match => ["m", "yyyy HH:mm"] timezone => "+02:00"', "2015 12:00", "2015-01-01T10:00:00.000Z"),
        ('match => ["m", "yyyy HH:mm Z"] timezone => "Asia/Tokyo"', "2015 12:00 +0100", "2015-01-01T11:00:00.000Z"),
        ('match => ["m", "yyyy"]', "2015", "2015-01-01T00:00:00.000Z"),
    ],
)
def test_sets_the_timestamp(options, value, expected):
    assert date(options, {"m": value, "@timestamp": BEFORE})[0]["@timestamp"] == expected


@pytest.mark.parametrize(
    ("formats", "value"),
    [
        ('"ISO8601"', "2001-11-06 20:45:45"),
        ('"ISO8601"', 2015),
        ('"yyyy"', 2015),
        ('"yyyy"', ["2015"]),
        ('"yyyy"', {"a": "2015"}),
        ('"yyyy"', True),
        ('"UNIX"', "%{bad_value}"),
        ('"UNIX", "ISO8601"', 1000000000123),
        ('"yyyy", "dd"', ""),
    ],
)
def test_what_fits_no_format_is_tagged_and_keeps_its_timestamp(formats, value):
    (found,) = date(f'match => ["m", {formats}] add_tag => ["ok"]', {"m": value, "@timestamp": BEFORE})
    assert (found["@timestamp"], found["tags"]) == (BEFORE, ["_dateparsefailure"])


def test_other_tags():
    assert date('match => ["m", "yyyy"] tag_on_failure => ["a", "b"]', {"m": "x"})[0]["tags"] == ["a", "b"]


@pytest.mark.parametrize("fields", [{}, {"m": None}])
def test_an_event_without_the_field_is_left_alone(fields):
    assert "tags" not in date('match => ["m", "ISO8601"] add_tag => ["t"]', fields)[0]


def test_a_target_other_than_the_timestamp():
    (found,) = date('match => ["[a][m]", "yyyy"] target => "[b][t]"', {"a": {"m": "2015"}, "@timestamp": BEFORE})
    assert (found["b"], found["@timestamp"]) == ({"t": "2015-01-01T00:00:00.000Z"}, BEFORE)


def test_a_target_that_cannot_be_set_is_tagged():
    (found,) = date('match => ["m", "yyyy"] target => "[m][t]"', {"m": "2015"})
    assert (found["m"], found["tags"]) == ("2015", ["_dateparsefailure"])


def test_the_timestamp_itself_is_no_text():
    (found,) = date('match => ["@timestamp", "ISO8601"]', {"@timestamp": BEFORE})
    assert found["tags"] == ["_dateparsefailure"]
    assert build(Options(match=["[@timestamp]", "ISO8601"]), context())(Event({})) is False


def test_the_zone_may_come_from_the_event():
    found = date(
        'match => ["m", "yyyy HH", "UNIX"] timezone => "%{[tz]}"',
        {"m": "2015 12", "tz": "Asia/Tokyo"},
        {"m": "2015 12", "tz": "-03:00"},
        {"m": "2015 12", "tz": "Asia/Tokyo"},
        {"m": "2015 12", "tz": "Nowhere/Land"},
        {"m": "2015 12"},
        {"m": 0, "tz": "Nowhere/Land"},
    )
    assert [event["@timestamp"] for event in (*found[:3], found[5])] == [
        "2015-01-01T03:00:00.000Z",
        "2015-01-01T15:00:00.000Z",
        "2015-01-01T03:00:00.000Z",
        "1970-01-01T00:00:00.000Z",
    ]
    assert [event.get("tags") for event in found[3:]] == [["_dateparsefailure"], ["_dateparsefailure"], None]


def test_many_zones_are_not_all_kept():
    parse = build(Options(match=["m", "yyyy"], timezone="%{tz}"), context())
    for number in range(1100):
        with pytest.raises(FilterFailure):
            parse(Event({"m": "2015", "tz": f"Nowhere/{number}"}))
    kept = Event({"m": "2015", "tz": "Asia/Tokyo"})
    assert parse(kept)
    assert kept.fields["@timestamp"] == "2014-12-31T15:00:00.000Z"


def test_without_a_zone_that_of_the_machine_is_taken(monkeypatch):
    monkeypatch.setenv("TZ", "Europe/Paris")
    assert date('match => ["m", "yyyy HH"]', {"m": "2015 12"})[0]["@timestamp"] == "2015-01-01T11:00:00.000Z"


def test_a_missing_year_follows_the_clock():
    clock = FakeClock(timestamps.epoch_seconds("2025-12-31T23:59:58.000Z"))
    parse = build(Options(match=["m", "MMM dd HH:mm:ss", "MMM  d HH:mm:ss"]), context(clock=clock))
    years = []
    for _ in range(2):
        for text in ("Dec 31 23:59:57", "Jan  1 00:00:01", "Jun  1 00:00:00"):
            event = Event({"m": text})
            parse(event)
            years.append(event.fields["@timestamp"][:4])
        clock.time += 60
    assert years == ["2025", "2026", "2025", "2025", "2026", "2026"]


@pytest.mark.parametrize(
    ("options", "why"),
    [
        ("", "match"),
        ('match => ["m"]', "at least one format"),
        ('match => ["[m", "ISO8601"]', "no field reference"),
        ('match => ["m", "yyyy-LL"]', 'no meaning for "LL"'),
        ('match => ["m", "zzzz"]', "can print but not read"),
        ('match => ["m", "yyyy"] timezone => "Europe/Pari"', 'did you mean "Europe/Paris"?'),
        ('match => ["m", "yyyy"] locale => "klingon"', "known are:"),
        ('match => ["m", "yyyy"] target => "[t"', "no field reference"),
        ('match => ["m", "yyyy"] timezone => "%{[t}"', "no field reference"),
    ],
)
def test_faults(options, why):
    with pytest.raises(ConfigurationError) as caught:
        date(options, {})
    assert why in str(caught.value)
