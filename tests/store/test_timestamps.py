import pytest

from pipeline.store.timestamps import millis, of_document


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("1970-01-01T00:00:01.234Z", 1234),
        ("1970-01-01T00:00:01.234567Z", 1234),
        ("1970-01-01T00:00:01.234567891Z", 1234),
        ("1970-01-01T00:00:01Z", 1000),
        ("1970-01-01T01:00:01.5+01:00", 1500),
        ("1970-01-01", 0),
        ("1969-12-31T23:59:59.999Z", -1),
        (1234, 1234),
        (1234.9, 1234),
        ("yesterday", None),
        ("", None),
        (True, None),
        (None, None),
        (10**30, None),
        (float("inf"), None),
        ({}, None),
    ],
)
def test_times_as_elasticsearch_takes_them(value, expected):
    assert millis(value) == expected


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        (b'{"@timestamp":"1970-01-01T00:00:01.234Z","a":1}', 1234),
        (b'{"a":{"@timestamp":"1970-01-01T00:00:09.000Z"},"@timestamp":"1970-01-01T00:00:01.234Z"}', 1234),
        (b'{"@timestamp":1234}', 1234),
        (b'{"a":{"@timestamp":"1970-01-01T00:00:09.000Z"}}', None),
        (b'{"a":1}', None),
        (b'{"@timestamp"', None),
        (b"{}", None),
    ],
)
def test_the_time_of_a_document(source, expected):
    assert of_document(source) == expected
