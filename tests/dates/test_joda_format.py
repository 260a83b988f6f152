import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.dates import joda_format

AUTUMN, YEAR_END, LEAP = "2015-10-01T00:00:00.000Z", "2020-12-31T23:59:59.123Z", "2000-02-29T12:34:56.007Z"


@pytest.mark.parametrize(
    ("pattern", "autumn", "year_end", "leap"),
    [
        ("G", "AD", "AD", "AD"),
        ("C CCC", "20 020", "20 020", "20 020"),
        ("Y YY YYYYY", "2015 15 02015", "2020 20 02020", "2000 00 02000"),
        ("y yy yyyy", "2015 15 2015", "2020 20 2020", "2000 00 2000"),
        ("x xx ww e", "2015 15 40 4", "2020 20 53 4", "2000 00 09 2"),
        ("E EEE EEEE", "Thu Thu Thursday", "Thu Thu Thursday", "Tue Tue Tuesday"),
        ("D DDD DDDD", "274 274 0274", "366 366 0366", "60 060 0060"),
        ("M MM MMM MMMM", "10 10 Oct October", "12 12 Dec December", "2 02 Feb February"),
        ("d dd ddd", "1 01 001", "31 31 031", "29 29 029"),
        ("a h hh K KK", "AM 12 12 0 00", "PM 11 11 11 11", "PM 12 12 0 00"),
        ("H HH k kk", "0 00 24 24", "23 23 23 23", "12 12 12 12"),
        ("m mm s ss", "0 00 0 00", "59 59 59 59", "34 34 56 56"),
        ("S SS SSS SSSSSS", "0 00 000 000000", "1 12 123 123000", "0 00 007 007000"),
        ("z zzzz", *("UTC Coordinated Universal Time",) * 3),
        ("Z ZZ ZZZ", "+0000 +00:00 UTC", "+0000 +00:00 UTC", "+0000 +00:00 UTC"),
        ("'it''s' ''yyyy'' 'a'MM'b", "it's '2015' a10b", "it's '2020' a12b", "it's '2000' a02b"),
        ("é.yyyy %ss 'unclosed", "é.2015 %00 unclosed", "é.2020 %59 unclosed", "é.2000 %56 unclosed"),
    ],
)
def test_prints_as_joda_time_does(pattern, autumn, year_end, leap):
    form = joda_format.compile_format(pattern).format
    assert (form(AUTUMN), form(YEAR_END), form(LEAP)) == (autumn, year_end, leap)


@pytest.mark.parametrize(
    ("pattern", "length"),
    [("YYYY.MM.dd", 10), ("'x'", 10), ("YYYY.MM.dd.HH", 13), ("HH:mm", 16), ("ss", 19), ("SSS", 30)],
)
def test_says_how_much_of_a_timestamp_matters(pattern, length):
    assert joda_format.compile_format(pattern).length == length


@pytest.mark.parametrize("pattern", ["b", "yyyy-LL", "XX", "yyyyTHH", "n"])
def test_a_letter_that_means_nothing_is_a_fault(pattern):
    with pytest.raises(ValueError, match=r"the letters are G C Y .* 'T'"):
        joda_format.compile_format(pattern)


def test_an_empty_pattern_is_a_fault():
    with pytest.raises(ValueError, match="empty"):
        joda_format.compile_format("")


@given(st.text(st.sampled_from("GCYyxMwDdeEahKHkmsSzZ'-: é"), min_size=1, max_size=12))
def test_any_row_of_letters_prints(pattern):
    assert isinstance(joda_format.compile_format(pattern).format(LEAP), str)
