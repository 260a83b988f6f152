import pytest

from pipeline.dates import java_time

AUTUMN, YEAR_END, FIRST = "2015-10-01T00:00:00.000Z", "2020-12-31T23:59:59.123456789Z", "0001-01-01T12:00:00.000Z"


@pytest.mark.parametrize(
    ("pattern", "autumn", "year_end", "first"),
    [
        ("G GGGG GGGGG", "AD Anno Domini A", "AD Anno Domini A", "AD Anno Domini A"),
        ("u uu uuuu y yy yyyy", "2015 15 2015 2015 15 2015", "2020 20 2020 2020 20 2020", "1 01 0001 1 01 0001"),
        ("Y YY YYYY", "2015 15 2015", "2021 21 2021", "1 01 0001"),
        ("w ww W F", "40 40 1 1", "1 01 5 5", "1 01 1 1"),
        ("D DD DDD d dd", "274 274 274 1 01", "366 366 366 31 31", "1 01 001 1 01"),
        ("M MM MMM MMMM MMMMM", "10 10 Oct October O", "12 12 Dec December D", "1 01 Jan January J"),
        ("L LL LLL LLLL LLLLL", "10 10 Oct October O", "12 12 Dec December D", "1 01 Jan January J"),
        ("Q QQ QQQ QQQQ QQQQQ", "4 04 Q4 4th quarter 4", "4 04 Q4 4th quarter 4", "1 01 Q1 1st quarter 1"),
        ("q qqq", "4 Q4", "4 Q4", "1 Q1"),
        ("E EE EEE EEEE EEEEE", "Thu Thu Thu Thursday T", "Thu Thu Thu Thursday T", "Mon Mon Mon Monday M"),
        ("e ee eee eeee c ccc", "5 05 Thu Thursday 5 Thu", "5 05 Thu Thursday 5 Thu", "2 02 Mon Monday 2 Mon"),
        ("a B BBBBB", "AM midnight mi", "PM at night at night", "PM noon n"),
        ("h hh K KK H HH k kk", "12 12 0 00 0 00 24 24", "11 11 11 11 23 23 23 23", "12 12 0 00 12 12 12 12"),
        ("m mm s ss", "0 00 0 00", "59 59 59 59", "0 00 0 00"),
        (
            "S SSS SSSSSSSSS n nnn",
            "0 000 000000000 0 000",
            "1 123 123456789 123456789 123456789",
            "0 000 000000000 0 000",
        ),
        ("A AAA N", "0 000 0", "86399123 86399123 86399123456789", "43200000 43200000 43200000000000"),
        ("g", "57296", "59214", "-678575"),
        ("VV z zzzz v O OOOO X XXXXX", *("Z Z Z Z GMT GMT Z Z",) * 3),
        ("x xx xxx Z ZZZZ ZZZZZ", *("+00 +0000 +00:00 +0000 GMT Z",) * 3),
        ("ppH|pppd", " 0|  1", "23| 31", "12|  1"),
        ("yyyy[-MM]", "2015-10", "2020-12", "0001-01"),
        ("'it''s' ''yyyy", "it's '2015", "it's '2020", "it's '0001"),
    ],
)
def test_prints_as_java_does(pattern, autumn, year_end, first):
    form = java_time.compile_format(pattern).format
    assert (form(AUTUMN), form(YEAR_END), form(FIRST)) == (autumn, year_end, first)


@pytest.mark.parametrize(
    ("hour", "part"), [(6, "in the morning"), (12, "in the afternoon"), (18, "in the evening"), (5, "at night")]
)
def test_parts_of_the_day(hour, part):
    assert java_time.compile_format("B").format(f"2015-10-01T{hour:02d}:30:00.000Z") == part


def test_the_week_at_the_end_of_time():
    assert java_time.compile_format("Y w").format("9999-12-31T00:00:00.000Z") == "10000 1"


@pytest.mark.parametrize(
    ("pattern", "why"),
    [
        ("b", 'the letter "b" has no meaning'),
        ("'x", "does not end"),
        ("{", "reserved"),
        ("yyyy]", "without"),
        ("DDDD", '"DDDD" is no length'),
        ("cc", '"cc" is no length'),
        ("V", '"V" is no length'),
        ("SSSSSSSSSS", "is no length"),
        ("p", 'must follow on "p"'),
    ],
)
def test_what_java_refuses_is_a_fault(pattern, why):
    with pytest.raises(ValueError, match=why):
        java_time.compile_format(pattern)
