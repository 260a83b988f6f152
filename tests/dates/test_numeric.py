import pytest

from pipeline.dates import numeric

LAST = "2038-01-19T03:14:07.000Z"


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("0", "1970-01-01T00:00:00.000Z"),
        ("1478207457", "2016-11-03T21:10:57.000Z"),
        ("1478207457.456", "2016-11-03T21:10:57.456Z"),
        ("1478207457.4569", "2016-11-03T21:10:57.456Z"),
        ("1478207457.4", "2016-11-03T21:10:57.400Z"),
        ("-1", "1969-12-31T23:59:59.000Z"),
        (1478207457, "2016-11-03T21:10:57.000Z"),
        (1478207457.456, "2016-11-03T21:10:57.456Z"),
        (2147483647, LAST),
        ("2147483647", LAST),
        (2147483648, None),
        ("2147483648", None),
        (1000000000123.0, None),
        ("1.", None),
        (".5", None),
        ("12x", None),
        (" 12", None),
        ("1e5", None),
        ("", None),
        ("١", None),
        (True, None),
        ([1], None),
        (float("nan"), None),
        (float("inf"), None),
        (-(10**18), None),
    ],
)
def test_unix(value, expected):
    assert numeric.unix(value) == expected


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("456", "1970-01-01T00:00:00.456Z"),
        ("1000000000123", "2001-09-09T01:46:40.123Z"),
        (1000000000123, "2001-09-09T01:46:40.123Z"),
        (1000000000123.9, "2001-09-09T01:46:40.123Z"),
        (-1, "1969-12-31T23:59:59.999Z"),
        ("1.5", None),
        (10**18, None),
        (float("inf"), None),
        (False, None),
    ],
)
def test_unix_ms(value, expected):
    assert numeric.unix_ms(value) == expected


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("4000000050d506482dbdf024", "2012-12-22T01:00:46.767Z"),
        ("@4000000050D506482DBDF024", "2012-12-22T01:00:46.767Z"),
        ("@4000000050d506482dbdf024 and more", "2012-12-22T01:00:46.767Z"),
        ("@4000000050d50648", None),
        ("ffffffff50d506482dbdf024", None),
        ("4000000050d50648ffffffff", None),
        ("3fffffff50d506482dbdf024", None),
        ("x", None),
        (5, None),
    ],
)
def test_tai64n(value, expected):
    assert numeric.tai64n(value) == expected
