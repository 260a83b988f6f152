"""Lines of comma-separated values, read as strictly as Ruby's `CSV.parse_line` reads them.

A quoted value holds separators, line breaks and doubled quotes; after it comes a separator or the end. An unquoted one
holds no quotes. Nothing between two separators is None, two quotes with nothing between are an empty text. Of several
lines the first is read; what ends it is the first line break in the text, quoted or not, and no other does.
"""

from __future__ import annotations

import re
from collections.abc import Callable

Row = list[str | None]
_ENDING = re.compile(r"\r\n|\n|\r")


def line_parser(separator: str = ",", quote: str = '"') -> Callable[[str], Row | None]:
    """A function from a text to the values of its first line, None of an empty text; it raises `ValueError`."""
    between, mark = re.escape(separator), re.escape(quote)
    quoted_or_plain = rf"(?:{mark}((?:[^{mark}]|{mark}{mark})*){mark}|((?:(?!{between})[^{mark}\r\n])*))"
    values = {ending: re.compile(rf"{quoted_or_plain}({between}|{ending}|\Z)") for ending in ("\r\n", "\n", "\r")}
    double = quote + quote

    def parse(text: str) -> Row | None:
        if not text:
            return None
        if quote not in text and "\n" not in text and "\r" not in text:
            return [part or None for part in text.split(separator)]
        row: Row = []
        ending = _ENDING.search(text)
        value = values[ending[0] if ending else "\n"]
        position, end = 0, separator
        while end == separator:
            found = value.match(text, position)
            if not found:
                raise ValueError(f"column {len(row) + 1} is quoted wrongly, or is not ended")
            quoted, plain, end = found.groups()
            row.append(plain or None if quoted is None else quoted.replace(double, quote))
            position = found.end()
        return row if row != [None] else []

    return parse


def written(values: list[str | None], separator: str = ",", quote: str = '"') -> str:
    """One line, without a line break at its end.

    A value is quoted where it is empty, or has a character of separator, quote or line break, as in Ruby's csv 3, which
    leaves spaces at its ends alone.
    """
    special = set(separator + quote + "\r\n")
    texts = []
    for value in values:
        if value is None:
            texts.append("")
        elif value == "" or not special.isdisjoint(value):
            texts.append(quote + value.replace(quote, quote + quote) + quote)
        else:
            texts.append(value)
    return separator.join(texts)
