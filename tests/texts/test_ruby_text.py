"""Texts and floats as Ruby writes them. All were seen in JRuby 9.4.13."""

from __future__ import annotations

import pytest

from pipeline.texts.ruby_text import float_text, inspected


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("a é", "a é"),
        ('"\\#{x}#$y#@z#', '\\"\\\\\\#{x}\\#$y\\#@z#'),
        ("\n\t\r\f\v\b\a\x1b", "\\n\\t\\r\\f\\v\\b\\a\\e"),
        ("\x00\x01\x1f\x7f", "\\u0000\\u0001\\u001F\\u007F"),
        ("\x80\x9f", "\\u0080\\u009F"),
        ("\x85\xa0\xad\u200b\u202e\ufeff\ue000", "\x85\xa0\xad\u200b\u202e\ufeff\ue000"),
        ("\u2028\u2029\u0378\uffff", "\\u2028\\u2029\\u0378\\uFFFF"),
        ("\U0001f600\U0010ffff", "\U0001f600\\u{10FFFF}"),
        ("\udcad", "\\xAD"),
    ],
)
def test_inspected(text: str, shown: str) -> None:
    assert inspected(text) == shown


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.0, "0.0"),
        (-0.0, "-0.0"),
        (1.5, "1.5"),
        (0.0001, "0.0001"),
        (9.9e-5, "9.9e-05"),
        (5e-7, "5.0e-07"),
        (1e15, "1000000000000000.0"),
        (1e16, "10000000000000000.0"),
        (-9.624258508617987e16, "-96242585086179872.0"),
        (4.29939216041525e17, "429939216041524990.0"),
        (-9.187473102379066e18, "-9187473102379066400.0"),
        (9.7727216438e18, "9772721643800000000.0"),
        (1e19, "1.0e+19"),
        (5.343152582959241e19, "5.34315258295924e+19"),
        (1e20, "1.0e+20"),
        (1.5e300, "1.5e+300"),
        (float("nan"), "NaN"),
        (float("inf"), "Infinity"),
        (float("-inf"), "-Infinity"),
    ],
)
def test_float_text(value: float, text: str) -> None:
    assert float_text(value) == text
