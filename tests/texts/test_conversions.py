"""Ruby's conversions: what turns into what, and what is refused."""

import pytest

from pipeline.texts import conversions
from pipeline.texts.conversions import CONVERSIONS

FAILS = ValueError

TABLE = {
    "integer": [
        *[("123", 123), (" 12 ", 12), ("1,234,567", 1234567), ("-5", -5), ("+5", 5), ("7890.4", 7890), ("12abc", 12)],
        *[("abc", 0), ("", 0), ("--5", 0), ("1_000", 1000), ("1__0", 1), ("\x001\x00", 1), ("1E3", 1), ("٣", 0)],
        *[("1e3", 1000), ("1.5e3", 1500), ("-2e-1", 0), ("hello", FAILS), ("1e", FAILS), ("1e999999999", FAILS)],
        *[("0x7b", 123), ("-0x1A", -26), ("0X1f", 31), ("0x1.edcdp6", 123), ("-0x1.edcdp6", -123), ("0xzz", FAILS)],
        *[("0x", FAILS), ("0x1p3", FAILS), ("0x1.p3", FAILS), (True, 1), (False, 0), (3.99, 3), (-2.7, -2), (7, 7)],
        *[([1], FAILS), ({}, FAILS), ("18446744073709551616", 1.8446744073709552e19), (1e20, 1e20), ("1" * 400, FAILS)],
    ],
    "float": [
        *[
            ("1.5", 1.5),
            (" 1 ", 1.0),
            ("1,234.5", 1234.5),
            (".5", 0.5),
            ("-1.5e3", -1500.0),
            ("1E5", 1e5),
            ("1_0.5", 10.5),
        ],
        *[
            ("0x1.8", 1.5),
            ("-0x1A", -26.0),
            ("1e400", FAILS),
            ("abc", FAILS),
            ("", FAILS),
            ("1.", FAILS),
            ("1e", FAILS),
        ],
        *[
            ("NaN", FAILS),
            ("Infinity", FAILS),
            ("1 2", FAILS),
            ("1__0", FAILS),
            (True, 1.0),
            (False, 0.0),
            (2, 2.0),
            ([], FAILS),
        ],
        *[(1.5, 1.5), ("0x1p99999", FAILS)],
    ],
    "integer_eu": [("1.000", 1000), ("1.234.567,8", 1234567), ("123,4", 123), (5, 5), ("-1.5", -15)],
    "float_eu": [("1.234,56", 1234.56), ("2.340", 2340.0), ("0,5", 0.5), (1.5, 1.5), ("1,2,3", FAILS)],
    "boolean": [
        *[(word, True) for word in ("true", "t", "yes", "y", "1", "1.0", "TRUE", "Yes", 1, 1.0, True, "x\ntrue")],
        *[(word, False) for word in ("false", "f", "no", "n", "0", "0.0", "", "NO", 0, 0.0, False)],
        *[(word, word) for word in ("none of the above", " true", "2", -1, 2, 0.01)],
    ],
    "string": [
        *[
            ("a", "a"),
            (5, "5"),
            (1.0, "1.0"),
            (1e20, "1.0e+20"),
            (1e-5, "1.0e-05"),
            (1.5e300, "1.5e+300"),
            (True, "true"),
        ],
        *[
            ([1, "a", None], '[1, "a", nil]'),
            ({"a": {"b": 1.5}}, '{"a"=>{"b"=>1.5}}'),
            (['"\\\n#{x}\x01'], r'["\"\\\n\#{x}\u0001"]'),
        ],
    ],
}


@pytest.mark.parametrize(
    ("type_name", "value", "result"), [(name, *row) for name, rows in TABLE.items() for row in rows]
)
def test_convert(type_name, value, result):
    if result is FAILS:
        with pytest.raises(ValueError):
            CONVERSIONS[type_name](value)
        return
    converted = CONVERSIONS[type_name](value)
    assert converted == result
    assert type(converted) is type(result)


@pytest.mark.parametrize(
    ("value", "separator", "parts"),
    [
        ("a,b", ",", ["a", "b"]),
        (",a,,b,,", ",", ["", "a", "", "b"]),
        ("a", ",", ["a"]),
        ("", ",", []),
        (",,", ",", []),
        ("abc", "", ["a", "b", "c"]),
        ("  a \t b\n", " ", ["a", "b"]),
        ("a\u2003b c", " ", ["a\u2003b", "c"]),
        ("a  b", "  ", ["a", "b"]),
        ("a.b", ".", ["a", "b"]),
    ],
)
def test_split(value, separator, parts):
    assert conversions.split(value, separator) == parts


@pytest.mark.parametrize(
    ("values", "joined"),
    [
        (["a", 1, None, True, 1.5], "a,1,,true,1.5"),
        (["a", ["b", ["c"]]], "a,b,c"),
        ([{"k": "v"}], '{"k"=>"v"}'),
        ([], ""),
    ],
)
def test_join(values, joined):
    assert conversions.joined(values, ",") == joined


@pytest.mark.parametrize(
    ("value", "lower", "capital"),
    [("ABC dEF", "abc def", "Abc def"), ("ΑΣ", "ασ", "Ασ"), ("ßA", "ßa", "Ssa"), ("", "", ""), ("АБВ", "абв", "Абв")],
)
def test_case(value, lower, capital):
    assert conversions.lowercase(value) == lower
    assert conversions.capitalized(value) == capital


def test_strip_knows_only_ascii_blanks():
    assert conversions.stripped("\0 \t\u2003x\u00a0\r\n\0") == "\u2003x\u00a0"


@pytest.mark.parametrize(
    ("text", "whole", "real"),
    [
        ("12.9", 12, 12.9),
        (" -7x", -7, -7.0),
        ("+5", 5, 5.0),
        ("1_000.5_0", 1000, 1000.5),
        ("_1", 0, 0.0),
        (".5", 0, 0.5),
        ("1.", 1, 1.0),
        ("1e3", 1, 1000.0),
        ("x", 0, 0.0),
        ("", 0, 0.0),
        ("１２", 0, 0.0),
        ("9" * 18, 10**18 - 1, 1e18),
        ("9" * 25, 1e25, 1e25),
    ],
)
def test_the_number_that_a_text_begins_with(text, whole, real):
    assert conversions.leading_integer(text) == whole
    assert conversions.leading_float(text) == real
