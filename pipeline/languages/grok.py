"""Grok: patterns that name other patterns, expanded to one Ruby regular expression.

    %{NAME}                   what the pattern of that name matches; not kept
    %{NAME:field}             kept in a field: a bare name, or [a][b]
    %{NAME:field:int}         kept as a number: int or float, read as Ruby's to_i and to_f do
    %{NAME=definition}        defines the pattern where it is used, for this pattern alone
    (?<field>...)             kept, too

`.` matches a newline, as in Logstash, which compiles grok patterns with Ruby's option m. A field that is named
several times gets all its values in the order of the groups; only the first group of one NAME, field and type is
made a number, which is how Logstash does it.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from pipeline.languages import ruby_regex
from pipeline.languages.ruby_regex import PatternError, Regex
from pipeline.texts.conversions import leading_float, leading_integer

__all__ = ["Capture", "Find", "Grok", "PatternError", "compile", "expanded"]

Find = Callable[[str], re.Match[str] | None]
Convert = Callable[[str], Any]

_REFERENCE = re.compile(
    r"%\{(?P<name>[A-z0-9]+)(?P<field>:[@\[\]A-z0-9_:.-]+)?"
    r"(?:=(?P<definition>(?:[^{}\\]|\\.|\{(?:[^{}\\]|\\.|\{(?:[^{}\\]|\\.)*\})*\})+))?[^}]*\}",
    re.DOTALL,
)
_CONVERSIONS: dict[str, Convert] = {"int": leading_integer, "float": leading_float}
_LARGEST = 1_000_000


class Capture(NamedTuple):
    """A group of the expression, and where its text goes."""

    field: str
    group: int
    convert: Convert | None
    certain: bool
    """Every match has a text for it."""
    digits: bool
    """Its text is a whole number, and nothing else."""


class Grok(NamedTuple):
    """A compiled pattern."""

    find: Find
    captures: Sequence[Capture]
    regex: Regex


def compile(pattern: str, patterns: Mapping[str, str], *, named_only: bool = True) -> Grok:  # noqa: A001 - as in re
    """Expands and compiles a pattern; raises `PatternError`, which names the part that is wrong.

    `named_only`: a `%{NAME}` without a field is not kept; else it goes to the field NAME.
    """
    known = dict(patterns)
    text = expanded(pattern, known, named_only=named_only)
    try:
        regex = ruby_regex.compile(text, newline=True, named_only=True)
    except PatternError as error:
        raise PatternError(_explained(pattern, known, error)) from error
    return Grok(regex.find, tuple(_captures(regex)), regex)


# ------------------------------------------------------------------------------------------- expansion


def expanded(pattern: str, patterns: dict[str, str], *, named_only: bool = True) -> str:
    """The pattern with every reference in it replaced; definitions in it are added to the patterns."""
    return _expanded(pattern, patterns, named_only, ())


def _expanded(pattern: str, patterns: dict[str, str], named_only: bool, path: tuple[str, ...]) -> str:
    parts: list[str] = []
    position = size = 0
    for found in _REFERENCE.finditer(pattern):
        name = found["name"]
        if found["definition"] is not None:
            patterns[name] = found["definition"]
        if name not in patterns:
            raise PatternError(f'there is no grok pattern "{name}"{_near(name, patterns)}{_inside(path)}')
        if name in path:
            raise PatternError(f"the grok pattern {name} refers to itself: {' > '.join((*path, name))}")
        body = _expanded(patterns[name], patterns, named_only, (*path, name))
        field = found["field"] or ""
        opening = "(?:" if named_only and not field else f"(?<{name}{field}>"
        parts += (pattern[position : found.start()], opening, body, ")")
        position = found.end()
        size += len(body)
        if size > _LARGEST:
            raise PatternError(f"the grok pattern grows beyond {_LARGEST:,} characters{_inside(path)}")
    parts.append(pattern[position:])
    return "".join(parts)


def _near(name: str, patterns: Iterable[str]) -> str:
    near = difflib.get_close_matches(name, [*patterns], n=1, cutoff=0.75)
    return f'; did you mean "{near[0]}"?' if near else "; it is neither built in nor in patterns_dir"


def _inside(path: Sequence[str]) -> str:
    return f" (in the pattern {path[-1]})" if path else ""


def _explained(pattern: str, patterns: dict[str, str], error: PatternError) -> str:
    """Says which of the patterns inside is the one that cannot be compiled, if it is one of them."""
    for found in _REFERENCE.finditer(pattern):
        inner = patterns[found["name"]]
        try:
            ruby_regex.compile(_expanded(inner, patterns, True, ()), newline=True)
        except PatternError as reason:
            return f"the grok pattern {found['name']} cannot be compiled: {_explained(inner, patterns, reason)}"
    if not _REFERENCE.search(pattern):
        return str(error)
    # The place in the expanded text, which is long, would say nothing.
    return f"{str(error).partition(', at character')[0]}, in the grok pattern {pattern}"


# ------------------------------------------------------------------------------------------- compilation


def _captures(regex: Regex) -> Iterable[Capture]:
    for name, groups in regex.names.items():
        pattern, _, rest = name.partition(":")
        field, _, kind = rest.partition(":")
        convert = _CONVERSIONS.get(kind.partition(":")[0])
        for group in groups:
            yield Capture(field or pattern, group, convert, group in regex.filled, group in regex.numeric)
            convert = None  # of several groups of one name, Logstash converts the first
