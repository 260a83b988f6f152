"""Single terms of a search query: which values they match, and which words such a value must have.

A term sees one value at a time: a string, a number, true or false; arrays are taken apart, objects have
fields of their own.
"""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

from pipeline.languages.search_words import WORD, fold, words

Matches = Callable[[Any], bool]
_NUMBERS = frozenset({int, float})


class Term(NamedTuple):
    """A compiled term."""

    narrowing: str | None
    """An FTS5 expression that every document with such a value satisfies, or None."""
    matches: Matches


# ---------------------------------------------------------------------------------------------- values


def values(value: Any, path: str) -> Iterator[Any]:
    """The values at a dotted path: `a.b` is `{"a": {"b": 1}}` and `{"a.b": 1}`, also inside arrays."""
    if type(value) is list:
        for item in value:
            yield from values(item, path)
    elif not path:
        yield value
    elif type(value) is dict:
        if path in value:
            yield from values(value[path], "")
        dot = path.find(".")
        while dot > 0:
            if path[:dot] in value:
                yield from values(value[path[:dot]], path[dot + 1 :])
            dot = path.find(".", dot + 1)


def all_values(value: Any) -> Iterator[Any]:
    """Every string, number, true and false in a document."""
    pending = [value]
    while pending:
        value = pending.pop()
        if type(value) is dict:
            pending.extend(value.values())
        elif type(value) is list:
            pending.extend(value)
        else:
            yield value


def exists(document: dict[str, Any], field: str) -> bool:
    """Whether a field has a value, as Elasticsearch sees it: null and empty arrays are none."""
    return any(value is not None for value in values(document, field))


# ---------------------------------------------------------------------------------------------- words

_BEFORE, _AFTER = r"(?<![0-9a-z\x80-\U0010ffff])", r"(?![0-9a-z\x80-\U0010ffff])"
_BETWEEN = r"[^0-9a-z\x80-\U0010ffff]+"


def phrase(text: str) -> Term:
    """The words of a text, one after the other; of a text without words, the text itself."""
    found = words(text)
    is_number, narrowing = _numeric(text) if _is_number(text) else (_no_number, sure_words(text))
    truth = {"true": True, "false": False}.get(text.casefold())
    if found:
        search = re.compile(_BEFORE + _BETWEEN.join(map(re.escape, found)) + _AFTER).search
    else:
        search = re.compile(re.escape(text) or r"\A\Z", re.IGNORECASE).search

    def matches(value: Any) -> bool:
        if type(value) is str:
            return search(fold(value) if found else value) is not None
        return value is truth if type(value) is bool else is_number(value)

    return Term(conjunction(narrowing), matches)


_JSON_NUMBER = re.compile(r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?")
_MOST_DIGITS = 15
"""Up to so many digits, a decimal and its float are the same number, and are spelled alike up to the point."""


def _is_number(text: str) -> bool:
    return len(text) <= _LONGEST and _JSON_NUMBER.fullmatch(text) is not None


def _no_number(value: Any) -> bool:
    return False


def _numeric(text: str) -> tuple[Matches, list[str]]:
    """Whether a value is this number, and the words that such a value, or the text in a string, must have."""
    whole = text.lstrip("-").isdigit()
    if whole and len(text) > _MOST_DIGITS:
        exact = int(text)
        return lambda value: type(value) is int and value == exact, sure_words(text)
    number = float(text)
    plain = len(text) <= _MOST_DIGITS and "e" not in text.lower() and (number == 0 or abs(number) >= 0.001)
    # 5 and 5.0 are one number, and so are 1000 and 1e3: only the digits before the point are sure.
    narrowing = sure_words(text.partition(".")[0]) if plain else []
    return lambda value: type(value) in _NUMBERS and bool(value == number), narrowing


def word(text: str) -> Term:
    r"""A word of a query: `*` stands for any characters, `\` takes the meaning from the next one."""
    parts = [re.sub(r"\\(.)", r"\1", part, flags=re.DOTALL) for part in re.split(r"(?<!\\)((?:\\\\)*)\*+", text)]
    pieces = [parts[0]]
    for slashes, part in zip(parts[1::2], parts[2::2], strict=True):
        pieces[-1] += slashes
        pieces.append(part)
    return phrase(pieces[0]) if len(pieces) == 1 else _pattern([fold(piece) for piece in pieces])


def _pattern(pieces: list[str]) -> Term:
    in_one_word = all(WORD.fullmatch(piece) for piece in pieces if piece)
    longest = max(pieces, key=len)

    def matches(value: Any) -> bool:
        if type(value) is str:
            value = fold(value)
            if longest not in value:  # nearly always
                return False
            return _fits(value, pieces) or (in_one_word and any(_fits(part, pieces) for part in WORD.findall(value)))
        if type(value) in _NUMBERS:
            text = repr(value)
            return "e" not in text and _fits(text, pieces)
        return False

    return Term(conjunction(_words_of_pattern(pieces)), matches)


def _fits(text: str, pieces: list[str]) -> bool:
    """Whether the text is made of the pieces, in their order, with anything between them."""
    first, *inner, last = pieces
    if len(text) < len(first) + len(last) or not text.startswith(first) or not text.endswith(last):
        return False
    start, end = len(first), len(text) - len(last)
    for piece in inner:
        start = text.find(piece, start, end)
        if start < 0:
            return False
        start += len(piece)
    return True


def _words_of_pattern(pieces: list[str]) -> list[str]:
    """The words that a value must have: those that no `*` touches, and the starts of those that one ends."""
    sure: list[str] = []
    for place, piece in enumerate(pieces):
        for found in WORD.finditer(piece):
            open_before = found.start() == 0 and place > 0
            open_after = found.end() == len(piece) and place < len(pieces) - 1
            if not open_before:
                sure += [f"{narrowing}*" if open_after else narrowing for narrowing in sure_words(found[0])]
    return sure


_LONGEST = 200


def sure_words(text: str) -> list[str]:
    """The words of a text as FTS5 wants them."""
    return [f'"{found}"' for found in words(text) if len(found) <= _LONGEST]


def conjunction(narrowings: Sequence[str]) -> str | None:
    """The expression that is true where all of them are; None where there are none."""
    distinct = list(dict.fromkeys(narrowings))
    if len(distinct) > 1:
        return f"({' AND '.join(distinct)})"
    return distinct[0] if distinct else None


# ---------------------------------------------------------------------------------------------- comparisons

_ORDER: dict[str, Callable[[Any, Any], bool]] = {
    ">": operator.gt,
    ">=": operator.ge,
    "<": operator.lt,
    "<=": operator.le,
}
_DATE = re.compile(r"\d{4}-\d\d")


def comparison(sign: str, text: str) -> Term:
    """`=` a whole value; else numbers by size, also in strings, and other strings (dates) by their order."""
    if sign == "=":
        return _whole(text)
    holds, number = _ORDER[sign], _number(text)

    def matches(value: Any) -> bool:
        if type(value) is str:
            if number is None:
                return holds(value, text)
            own = _number(value)
            if own is not None:
                return holds(own, number)
            return _DATE.match(value) is not None and holds(value, text)
        return number is not None and type(value) in _NUMBERS and holds(value, number)

    return Term(None, matches)


def _whole(text: str) -> Term:
    as_words, folded = phrase(text), text.casefold()

    def matches(value: Any) -> bool:
        return value.casefold() == folded if type(value) is str else as_words.matches(value)

    return Term(as_words.narrowing, matches)


_NUMBER = re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?")


def _number(text: str) -> int | float | None:
    text = text.strip()
    if not _NUMBER.fullmatch(text):
        return None
    return int(text) if text.lstrip("+-").isdigit() and len(text) < 1000 else float(text)
