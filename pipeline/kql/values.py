"""Which values of a field a literal of a query matches, by the kind of the field.

    text      has one of the words; of a quoted literal, all of them one after the other; `*` is a part of a word
    keyword   is the literal, to the letter; `*` stands for any characters
    number    is that number         boolean   true or false
    date      lies in the time that the literal says: a millisecond, a day, a month
    ip        is that address, or in that network

A literal that a kind cannot hold, such as `status:abc` or `status:5*`, matches no value.
"""

from __future__ import annotations

import ipaddress
import operator
import re
from collections.abc import Callable
from functools import lru_cache
from typing import Any

from pipeline.kql.analysis import terms
from pipeline.kql.dates import interval
from pipeline.kql.fields import Kind, fitting
from pipeline.kql.tree import Literal, Sign

Matches = Callable[[Any], bool]
_ORDER: dict[Sign, Callable[[Any, Any], bool]] = {
    ">": operator.gt,
    ">=": operator.ge,
    "<": operator.lt,
    "<=": operator.le,
}
_NUMBER = re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d{1,3})?", re.ASCII)
_LONGEST_NUMBER = 200
_NUMBERS = frozenset({int, float})


def number(text: str) -> int | float | None:
    """The number that a text is."""
    text = text.strip()
    if len(text) > _LONGEST_NUMBER or not _NUMBER.fullmatch(text):
        return None
    return int(text) if text.lstrip("+-").isdigit() else float(text)


def network(text: str) -> tuple[int, int] | None:
    """The first and the last address of an address or a network, as numbers of 128 bits."""
    address, slash, length = text.strip().partition("/")
    try:
        first = ipaddress.ip_address(address)
        if not slash:
            return (_bits(first), _bits(first))
        if not length.isdigit():
            return None
        found = ipaddress.ip_network(f"{address}/{length}", strict=False)
    except ValueError:
        return None
    return _bits(found.network_address), _bits(found.broadcast_address)


def _bits(address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> int:
    return int(address) | (0xFFFF << 32) if address.version == 4 else int(address)


@lru_cache(maxsize=4096, typed=True)
def _moment(value: Any) -> int | None:
    found = interval(str(value), 0) if type(value) in (str, int) and not str(value).startswith("now") else None
    return None if found is None else found[0]


@lru_cache(maxsize=4096, typed=True)
def _address(value: str) -> int | None:
    found = network(value) if type(value) is str and "/" not in value else None
    return None if found is None else found[0]


def _never(value: Any) -> bool:
    return False


# ---------------------------------------------------------------------------------------------- equality


def equal(literal: Literal, kind: Kind | None, now: int) -> Matches:
    """What tells whether a value of this kind is the literal; of the kind None, the value tells the kind."""
    if kind == "text":
        return _in_text(literal)
    if kind == "date":
        return _never if literal.wild else _between(interval(literal.text, now), _moment)
    if kind == "ip":
        return _never if literal.wild else _between(network(literal.text), _address)
    if literal.wild:
        as_pattern = fitting(literal)
        return lambda value: type(value) is str and as_pattern(value)
    return _exactly(literal.text)


def _exactly(text: str) -> Matches:
    truth, as_number = {"true": True, "false": False}.get(text), number(text)

    def matches(value: Any) -> bool:
        if type(value) is str:
            return value == text
        if type(value) is bool:
            return value is truth
        return as_number is not None and type(value) in _NUMBERS and bool(value == as_number)

    return matches


def _between(meant: tuple[int, int] | None, number_of: Callable[[Any], int | None]) -> Matches:
    """Matches what is from the first to the last of a range; nothing where there is no range."""
    if meant is None:
        return _never
    first, last = meant

    def matches(value: Any) -> bool:
        found = number_of(value)
        return found is not None and first <= found <= last

    return matches


def _in_text(literal: Literal) -> Matches:
    if not literal.wild:
        wanted = terms(literal.text)
        if not wanted:
            return _never
        if literal.quoted and len(wanted) > 1:
            return _phrase(wanted)
        quick, among = wanted[0] if len(wanted) == 1 else "", frozenset(wanted)

        def has(value: Any) -> bool:
            text = _as_text(value)
            if quick and text.isascii() and quick not in text.lower():  # nearly always
                return False
            return not among.isdisjoint(terms(text))

        return has
    chunks = chunked(literal)
    plain = frozenset(term for chunk in chunks if not chunk.wild for term in terms(chunk.text))
    patterns = [fitting(lowered(chunk)) for chunk in chunks if chunk.wild]

    def fits(value: Any) -> bool:
        found = terms(_as_text(value))
        return not plain.isdisjoint(found) or any(each(term) for each in patterns for term in found)

    return fits


def _phrase(wanted: list[str]) -> Matches:
    first, length = wanted[0], len(wanted)

    def matches(value: Any) -> bool:
        text = _as_text(value)
        if text.isascii() and first not in text.lower():  # nearly always
            return False
        found = terms(text)
        return any(found[at : at + length] == wanted for at, term in enumerate(found) if term == first)

    return matches


def _as_text(value: Any) -> str:
    if type(value) is str:
        return value
    text = str(value).lower()
    return "" if type(value) is float and "e" in text else text  # 5e-05 is 5e-5 elsewhere: it has no one spelling


def chunked(literal: Literal) -> list[Literal]:
    """A literal with wildcards, cut at its blanks: each is a pattern for one word."""
    chunks: list[list[str]] = [[""]]
    for number_, piece in enumerate(literal.pieces):
        if number_:
            chunks[-1].append("")
        head, *rest = re.split(r"\s+", piece)
        chunks[-1][-1] += head
        chunks += [[part] for part in rest]
    return [Literal(tuple(chunk)) for chunk in chunks if chunk != [""]]


def lowered(literal: Literal) -> Literal:
    """The literal as a pattern for terms."""
    return Literal(tuple(piece.lower() for piece in literal.pieces))


# ---------------------------------------------------------------------------------------------- order


def ordered(sign: Sign, literal: Literal, kind: Kind | None, now: int) -> Matches:
    """What tells whether a value of this kind stands in an order to the literal; words of a text have none."""
    if kind == "text":
        return _never
    if kind == "date":
        meant = interval(literal.text, now)
        return _against(sign, meant, _moment)
    if kind == "ip":
        meant = network(literal.text) if "/" not in literal.text else None
        return _against(sign, meant, _address)
    holds, text, as_number = _ORDER[sign], literal.text, number(literal.text)

    def matches(value: Any) -> bool:
        if type(value) is str:
            return holds(value, text)
        return as_number is not None and type(value) in _NUMBERS and holds(value, as_number)

    return matches


def _against(sign: Sign, meant: tuple[int, int] | None, read: Callable[[Any], int | None]) -> Matches:
    """Later than a day is after its end; not before it is from its start."""
    if meant is None:
        return _never
    holds, bound = _ORDER[sign], meant[0] if sign in (">=", "<") else meant[1]

    def matches(value: Any) -> bool:
        found = read(value)
        return found is not None and holds(found, bound)

    return matches
