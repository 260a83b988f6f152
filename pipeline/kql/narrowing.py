"""The words that a document must have for a literal of a query to match it, as an expression for FTS5.

None stands for no help: every document may match.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from pipeline.kql.analysis import terms
from pipeline.kql.dates import interval
from pipeline.kql.fields import Kind
from pipeline.kql.tree import Literal
from pipeline.kql.values import chunked, network, number
from pipeline.kql.words import WORD, fold, words

_LONGEST = 200
_JSON_NUMBER = re.compile(r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?")
_MOST_DIGITS = 15
"""Up to so many digits, a decimal and its float are the same number, and are spelled alike up to the point."""


def about(literal: Literal, kind: Kind | None, now: int) -> str | None:
    """For `field:literal`, where the field has this kind."""
    if kind in ("date", "ip"):
        return None
    if kind == "text":
        return _of_text(literal)
    if literal.wild:
        return _of_pattern(literal)
    return _of_number(literal.text) if number(literal.text) is not None else sure(literal.text)


def free_text(literal: Literal, now: int) -> str | None:
    """For a literal that any field may have."""
    if not literal.wild and (interval(literal.text, now) is not None or network(literal.text) is not None):
        return None  # a date or an address is spelled in many ways
    if not literal.wild and number(literal.text) is not None:
        return disjunction([_of_number(literal.text), _of_text(literal)])
    return _of_text(literal)


def sure(text: str) -> str | None:
    """All words of a text."""
    return conjunction(_words(text))


def _words(text: str) -> list[str]:
    return [f'"{found}"' for found in words(text) if len(found) <= _LONGEST]


def _of_text(literal: Literal) -> str | None:
    if literal.wild:
        return disjunction([_of_pattern(chunk) if chunk.wild else _any_term(chunk.text) for chunk in chunked(literal)])
    return sure(literal.text) if literal.quoted else _any_term(literal.text)


def _any_term(text: str) -> str | None:
    found = terms(text)
    # Without a term, only a keyword can match, to the letter.
    return disjunction([sure(term) for term in found]) if found else sure(text)


def _of_number(text: str) -> str | None:
    """5 and 5.0 are one number, and so are 1000 and 1e3: only the digits before the point are sure."""
    text = text.strip()
    value = abs(float(text)) if _JSON_NUMBER.fullmatch(text) and len(text) <= _MOST_DIGITS else None
    return sure(text.partition(".")[0]) if value == 0 or (value is not None and value >= 0.001) else None


def _of_pattern(literal: Literal) -> str | None:
    """The words that no `*` touches, and the starts of those that one ends."""
    found: list[str] = []
    last = len(literal.pieces) - 1
    for place, piece in enumerate(map(fold, literal.pieces)):
        for word in WORD.finditer(piece):
            open_before = word.start() == 0 and place > 0
            open_after = word.end() == len(piece) and place < last
            if not open_before:
                found += [f"{each}*" if open_after else each for each in _words(word[0])]
    return conjunction(found)


def conjunction(expressions: Sequence[str]) -> str | None:
    """The expression that is true where all of them are; None where there are none."""
    distinct = list(dict.fromkeys(expressions))
    if len(distinct) > 1:
        return f"({' AND '.join(distinct)})"
    return distinct[0] if distinct else None


def disjunction(expressions: Sequence[str | None]) -> str | None:
    """The expression that is true where one of them is; None where there are none, or one is no help."""
    distinct = list(dict.fromkeys(each for each in expressions if each is not None))
    if None in expressions or not distinct:
        return None
    return f"({' OR '.join(distinct)})" if len(distinct) > 1 else distinct[0]
