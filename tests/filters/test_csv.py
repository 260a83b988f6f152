"""The csv filter."""

import pytest

from pipeline.errors import ConfigurationError
from tests.harness import documents, planned

FAILED = ["_csvparsefailure"]


@pytest.mark.parametrize(
    ("options", "line", "fields"),
    [
        ("", 'a,"b ""c"", d",,""', {"column1": "a", "column2": 'b "c", d', "column3": None, "column4": ""}),
        ('columns => ["x", "y"]', "1,2,3", {"x": "1", "y": "2", "column3": "3"}),
        ('columns => ["x"] autogenerate_column_names => false', "1,2", {"x": "1"}),
        ("skip_empty_columns => true", 'a,,""', {"column1": "a"}),
        ('separator => "||" quote_char => "\'"', "a||'b||c'", {"column1": "a", "column2": "b||c"}),
        ("", 'a,"b\nc"', {"column1": "a", "column2": "b\nc"}),
        ("", "a,b\nc,d", {"column1": "a", "column2": "b"}),
        ("", "a,b\r\nc,d", {"column1": "a", "column2": "b"}),
        ("", "a\rb\nc", {"column1": "a"}),
        ("", '"a\r\nb",c\r\nd', {"column1": "a\r\nb", "column2": "c"}),
        # The first line break in the text, quoted or not, is what ends a line.
        ("", '"a\r\nb",c\nd', {"tags": FAILED}),
        ("", '"a\nb"\r', {"tags": FAILED}),
        ('target => "[t][u]"', "a", {"t": {"u": {"column1": "a"}}}),
        ('columns => ["[p][q]"]', "a", {"p": {"q": "a"}}),
        ("skip_empty_rows => true", "", {"tags": ["_csvskippedemptyfield"]}),
        ("", "", {"tags": FAILED}),
        ("", 'a,b"c', {"tags": FAILED}),
        ("", '"a"b', {"tags": FAILED}),
        ("", '"a', {"tags": FAILED}),
        ("", 5, {"tags": FAILED}),
        ("", None, {}),
    ],
)
def test_a_line(options, line, fields):
    assert documents(f"filter {{ csv {{ {options} }} }}", {"message": line}) == [{"message": line, **fields}]


@pytest.mark.parametrize(
    ("kind", "text", "value"),
    [
        ("integer", "12", 12),
        ("integer", "-1_000", -1000),
        ("integer", "0x1F", 31),
        ("integer", "017", 15),
        ("integer", "1.5", "1.5"),
        ("integer", "09", "09"),
        ("float", "1e3", 1000.0),
        ("float", ".5", 0.5),
        ("float", "0x1A", 26.0),
        ("float", "-0x1A", "-0x1A"),
        ("float", "1.", "1."),
        ("float", "x", "x"),
        ("boolean", " True ", True),
        ("boolean", " No", "no"),
        ("date", "2026-11-21", "2026-11-21T00:00:00.000Z"),
        ("date", "Nov 21, 2026", "2026-11-21T00:00:00.000Z"),
        ("date", "Sat, Nov 21 26", "2026-11-21T00:00:00.000Z"),
        ("date", "November 31, 2026", "November 31, 2026"),
        ("date", "2026-02-30", "2026-02-30"),
        ("date", "2024-02-29", "2024-02-29T00:00:00.000Z"),
        ("date", "May 1 123", "0123-05-01T00:00:00.000Z"),
        ("date", "soon", "soon"),
        ("date_time", "2026-11-21 10:20:30", "2026-11-21T10:20:30.000Z"),
        ("date_time", "2026-11-21", "2026-11-21T00:00:00.000Z"),
        ("date_time", "2026-02-30 10:20:30", "2026-02-30 10:20:30"),
        ("date_time", "2026-11-21T10:20:30+01:00", "2026-11-21T09:20:30.000Z"),
        ("date_time", "Saturday, November 21 10:20:30, 2026", "2026-11-21T10:20:30.000Z"),
        ("date_time", "Nov 21 2026 10:20:30", "Nov 21 2026 10:20:30"),
        ("date_time", "later", "later"),
    ],
)
def test_conversions(kind, text, value):
    config = f'filter {{ csv {{ source => "m" columns => "c" separator => ";" convert => {{ "c" => "{kind}" }} }} }}'
    assert documents(config, {"m": text}) == [{"m": text, "c": value}]


def test_a_day_begins_at_midnight_of_the_machine(monkeypatch):
    monkeypatch.setenv("TZ", "America/New_York")
    config = 'filter { csv { columns => ["a", "b"] convert => { "a" => "date" "b" => "date_time" } } }'
    assert documents(config, {"message": "2026-07-01,2026-07-01"}) == [
        {"message": "2026-07-01,2026-07-01", "a": "2026-07-01T04:00:00.000Z", "b": "2026-07-01T00:00:00.000Z"}
    ]


def test_no_value_is_no_boolean():
    config = 'filter { csv { columns => ["a", "b", "c"] convert => { "b" => "boolean" "a" => "integer" } } }'
    assert documents(config, {"message": ",x,y"}, {"message": "1,,y"}) == [
        {"message": ",x,y", "a": None, "b": "x", "c": "y"},
        {"message": "1,,y", "a": 1, "tags": FAILED},
    ]


def test_a_file_without_quotes():
    config = r'filter { csv { quote_char => "\x00" } }'
    assert documents(config, {"message": 'a "b",c"'}) == [{"message": 'a "b",c"', "column1": 'a "b"', "column2": 'c"'}]


def test_names_from_the_first_line():
    config = 'filter { csv { autodetect_column_names => true skip_header => true add_tag => "t" } }'
    lines = [{"message": line} for line in ("a,b", "1,2", "a,b", '"', "3,4,5")]
    assert documents(config, *lines) == [
        {"message": "1,2", "a": "1", "b": "2", "tags": ["t"]},
        {"message": '"', "tags": FAILED},
        {"message": "3,4,5", "a": "3", "b": "4", "column3": "5", "tags": ["t"]},
    ]


def test_a_header_that_is_known():
    config = 'filter { csv { columns => ["a", "b"] skip_header => true } }'
    assert documents(config, {"message": "a,b"}, {"message": "1,2"}) == [{"message": "1,2", "a": "1", "b": "2"}]


@pytest.mark.parametrize("options", ['quote_char => ""', 'separator => ""', 'convert => { "a" => "text" }'])
def test_faults(options):
    with pytest.raises(ConfigurationError):
        planned(f"filter {{ csv {{ {options} }} }}")
