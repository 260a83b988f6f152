"""Texts with pairs in them, such as `ip=1.2.3.4 error="not found"`: the pattern that finds the pairs.

    pair  = key separator value? (field separator | end of line)
    value = quoted | bracketed | unquoted

A character after a backslash belongs to a key or a value, whatever it is. Separators are given as the inside of a
character class or as patterns, both Ruby's; the structure is that of the documentation of Logstash's kv filter.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from pipeline.languages import ruby_regex

Pairs = Callable[[str], Iterator[tuple[str, str]]]


@dataclass(frozen=True, slots=True)
class Grammar:
    """What is between pairs, and between a key and its value."""

    field_split: str = " "
    """Characters, as in a character class."""
    value_split: str = "="
    field_pattern: str | None = None
    """A pattern, in place of the characters."""
    value_pattern: str | None = None
    brackets: bool = True
    """Whether brackets around a value hold it together, and are taken away."""
    lenient: bool = True
    """Whether blanks around the value's separator belong to it."""


def finder(grammar: Grammar) -> tuple[Callable[[str], bool], Pairs]:
    """Two functions: whether a text has the separator of values at all, and the pairs in it, values empty or not.

    Raises `ruby_regex.PatternError` for separators that are no patterns.
    """
    between = grammar.field_pattern or f"[{grammar.field_split}]"
    equals = grammar.value_pattern or f"[{grammar.value_split}]"
    ruby_regex.compile(between)
    if grammar.lenient:
        equals = f" *(?:{equals}) *"
    separates = ruby_regex.compile(equals).search
    finditer = ruby_regex.compile(_pair(grammar, between, equals)).finditer

    def pairs(text: str) -> Iterator[tuple[str, str]]:
        for found in finditer(text):
            key, *candidates = found.groups()
            yield key, next((value for value in candidates if value is not None), "")

    return lambda text: separates(text) is not None, pairs


def _pair(grammar: Grammar, between: str, equals: str) -> str:
    if grammar.field_pattern or grammar.value_pattern:
        key = _until_pattern(f"(?:{equals})|(?:{between})")
    else:
        key = _until_class(grammar.value_split + grammar.field_split)
    quotes = [('"', '"'), ("'", "'")]
    if grammar.brackets:
        quotes += [("(", ")"), ("[", "]"), ("<", ">")]
    values = [rf"\{opening}(?:{_until_class(chr(92) + closing)})?\{closing}" for opening, closing in quotes]
    values.append(_until_pattern(between) if grammar.field_pattern else _until_class(grammar.field_split))
    return f"{key}(?:{equals})(?:{'|'.join(values)})?(?:(?:{between})|$)"


def _until_class(characters: str) -> str:
    return rf"((?:\\.|[^{characters}])+)"


def _until_pattern(pattern: str) -> str:
    return rf"((?:\\.|(?!{pattern}).)+)"
