import pytest

from pipeline.dates import joda_parse, parsers, zones
from pipeline.dates.locales import names_of

CASES = [
    ("yyyy-MM-dd HH:mm:ss", "2026-02-03 04:05:06", "2026-02-03T04:05:06.000Z"),
    ("yyyy-MM-dd HH:mm:ss", "2026-2-3 4:5:6", "2026-02-03T04:05:06.000Z"),
    ("yyyy-MM-dd HH:mm:ss", "+2026-02-03 04:05:06", "2026-02-03T04:05:06.000Z"),
    ("yyyy-MM-dd HH:mm:ss", "2026-02-03 24:00:00", None),
    ("yyyy-MM-dd HH:mm:ss", "2026-02-03 04:60:00", None),
    ("yyyy-MM-dd HH:mm:ss", "2026-02-03 04:05:60", None),
    ("yyyy-MM-dd HH:mm:ss", "2026-02-03 04:05:06 ", None),
    ("yyyy-MM-dd HH:mm:ss", "2026-02-03  04:05:06", None),
    ("yyyy-MM-dd HH:mm:ss", "2026-02-30 04:05:06", None),
    ("yyyy-MM-dd HH:mm:ss", "0000-02-03 04:05:06", None),
    ("yyyy-MM-dd HH:mm:ss", "٢٠٢٦-02-03 04:05:06", None),
    ("yyyyMMddHHmmssSSS", "20260203040506789", "2026-02-03T04:05:06.789Z"),
    ("yyyyMMddHHmmss", "2026020304050678", None),
    ("yyMMdd", "260203", "2026-02-03T00:00:00.000Z"),
    ("yyMMdd", "450203", "2045-02-03T00:00:00.000Z"),
    ("yyMMdd", "460203", "1946-02-03T00:00:00.000Z"),
    ("yyMMdd", "2602", None),
    ("dd.MM.yy", "03.02.2026", "2026-02-03T00:00:00.000Z"),
    ("dd.MM.yy", "03.02.5", "0005-02-03T00:00:00.000Z"),
    ("dd/MMM/yyyy:HH:mm:ss Z", "10/Oct/2000:13:55:36 -0700", "2000-10-10T20:55:36.000Z"),
    ("dd/MMM/yyyy:HH:mm:ss Z", "10/OCT/2000:13:55:36 z", "2000-10-10T13:55:36.000Z"),
    ("dd/MMM/yyyy:HH:mm:ss Z", "10/october/2000:13:55:36 -07:00", "2000-10-10T20:55:36.000Z"),
    ("dd/MMM/yyyy:HH:mm:ss Z", "10/oCt/2000:13:55:36 -0700", None),
    ("dd/MMM/yyyy:HH:mm:ss Z", "10/Oct/2000:13:55:36 -2400", None),
    ("dd/MMM/yyyy:HH:mm:ss Z", "10/Oct/2000:13:55:36 -070", None),
    ("EEE MMM dd HH:mm:ss yyyy", "Thu Oct 01 01:02:03 2015", "2015-10-01T01:02:03.000Z"),
    ("EEE MMM dd HH:mm:ss yyyy", "Thursday October 1 1:2:3 2015", "2015-10-01T01:02:03.000Z"),
    ("EEE MMM dd HH:mm:ss yyyy", "Sun Oct 01 01:02:03 2015", "2015-10-04T01:02:03.000Z"),
    ("MMM d, yyyy h:mm:ss a", "Jan 9, 2014 12:00:01 AM", "2014-01-09T00:00:01.000Z"),
    ("MMM d, yyyy h:mm:ss a", "Jan 9, 2014 12:00:01 pm", "2014-01-09T12:00:01.000Z"),
    ("MMM d, yyyy h:mm:ss a", "Jan 9, 2014 0:00:01 AM", None),
    ("yyyy K a", "2014 11 PM", "2014-01-01T23:00:00.000Z"),
    ("yyyy K a", "2014 12 PM", None),
    ("yyyy kk", "2014 24", "2014-01-01T00:00:00.000Z"),
    ("yyyy kk", "2014 00", None),
    ("yyyy HH a", "2014 02 PM", "2014-01-01T02:00:00.000Z"),
    ("yyyy HH hh", "2014 14 03", "2014-01-01T15:00:00.000Z"),
    ("yyyy-DDD", "2024-366", "2024-12-31T00:00:00.000Z"),
    ("yyyy-DDD", "2026-366", None),
    ("xxxx-'W'ww-e", "2026-W06-2", "2026-02-03T00:00:00.000Z"),
    ("xxxx-'W'ww-e", "2025-W53-1", None),
    ("xxxx", "2026", "2025-12-29T00:00:00.000Z"),
    ("yyyy ww", "2026 06", "2026-02-02T00:00:00.000Z"),
    ("yyyy ww", "2027 06", "2027-02-08T00:00:00.000Z"),
    ("CC", "20", "2000-01-01T00:00:00.000Z"),
    ("yyyy G", "2015 CE", "2015-01-01T00:00:00.000Z"),
    ("yyyy G", "2015 BC", None),
    ("yyyy", "1999", "1999-01-01T00:00:00.000Z"),
    ("yyyy", "not really a year", None),
    ("yyyy", "", None),
    ("yyyy ss.SSS", "2026 05.1", "2026-01-01T00:00:05.100Z"),
    ("yyyy ss.SSS", "2026 05.1234", None),
    ("yyyy ss,SSSSSSSSS", "2026 05,123456789", "2026-01-01T00:00:05.123Z"),
    ("yyyy HH z", "2026 01 EST", "2026-01-01T06:00:00.000Z"),
    ("yyyy HH z", "2026 01 GMT", "2026-01-01T01:00:00.000Z"),
    ("yyyy HH z", "2026 01 CET", None),
    ("yyyy HH ZZZ", "2026 01 Europe/Paris", "2026-01-01T00:00:00.000Z"),
    ("yyyy HH ZZZ", "2026 01 UTC", "2026-01-01T01:00:00.000Z"),
    ("yyyy HH ZZZ", "2026 01 Nowhere/Land", None),
    ("yyyy-MM-dd'T'HH", "2015-01-01t01", "2015-01-01T01:00:00.000Z"),
    ("yyyy-MM-dd'T'HH", "2015-01-01 01", None),
]


@pytest.mark.parametrize(("pattern", "text", "expected"), CASES)
def test_reads_as_joda_time_does(pattern, text, expected):
    parse = parsers.parser(joda_parse.compile_reader(pattern, names_of("en"), 2026), zones.UTC)
    assert parse(text) == expected
    assert parse(text) == expected  # from memory


@pytest.mark.parametrize(
    ("locale", "pattern", "text", "expected"),
    [
        ("fr", "dd MMMM yyyy", "14 juillet 1789", "1789-07-14T00:00:00.000Z"),
        ("fr", "dd MMM yyyy", "14 juil. 1789", "1789-07-14T00:00:00.000Z"),
        ("fr", "dd MMM yyyy", "14 JUILLET 1789", "1789-07-14T00:00:00.000Z"),
        ("fr", "dd MMMM yyyy", "14 July 1789", None),
        ("de", "EEE, d. MMM yyyy", "Di., 3. März 2026", "2026-03-03T00:00:00.000Z"),
        ("pl", "d MMMM yyyy", "3 marca 2026", "2026-03-03T00:00:00.000Z"),
        ("zh", "yyyy年MMMd日 ah", "2026年3月3日 下午2", "2026-03-03T14:00:00.000Z"),
    ],
)
def test_names_of_other_languages(locale, pattern, text, expected):
    parse = parsers.parser(joda_parse.compile_reader(pattern, names_of(locale), 2026), zones.UTC)
    assert parse(text) == expected


@pytest.mark.parametrize(
    ("pattern", "why"), [("", "empty"), ("zzzz", "can print but not read"), ("yyyy-LL", 'no meaning for "LL"')]
)
def test_patterns_that_cannot_be_read_by(pattern, why):
    with pytest.raises(ValueError, match=why):
        joda_parse.compile_reader(pattern, names_of("en"), 2026)
