"""The syntax tree of a configuration; every node knows its place in the text.

Configuration
└── Section (input, filter, output)
    └── statement: Plugin | Branch
        ├── Plugin: options, each a name and a value (scalar, array, hash, or a codec's Plugin)
        └── Branch: arms of a condition and statements, and the statements of the else
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from pipeline.grammar.sources import Span

Kind = Literal["input", "filter", "output"]

# ---------------------------------------------------------------------------------------------- values


@dataclass(frozen=True)
class Scalar:
    """A quoted string, a bareword or a number."""

    value: str | int | float
    span: Span
    quoted: bool = False


@dataclass(frozen=True)
class Array:
    items: tuple[Value, ...]
    span: Span


@dataclass(frozen=True)
class Hash:
    entries: tuple[tuple[Scalar, Value], ...]
    span: Span


@dataclass(frozen=True)
class Option:
    name: str
    name_span: Span
    value: Value


@dataclass(frozen=True)
class Plugin:
    """A plugin in a section, or a codec as the value of an option."""

    name: str
    name_span: Span
    options: tuple[Option, ...]
    span: Span


Value = Scalar | Array | Hash | Plugin

# ---------------------------------------------------------------------------------------------- conditions


@dataclass(frozen=True)
class Field:
    """A field reference in a condition, as it is written: `[a][b]`."""

    text: str
    span: Span


@dataclass(frozen=True)
class Regex:
    """`/.../` without its slashes, or a string on the right of `=~`."""

    pattern: str
    span: Span


Operand = Field | Scalar | Array | Regex


@dataclass(frozen=True)
class Truth:
    """An operand that stands alone: `if [a]`."""

    operand: Operand
    span: Span


@dataclass(frozen=True)
class Compare:
    operator: Literal["==", "!=", "<", ">", "<=", ">="]
    left: Operand
    right: Operand
    span: Span


@dataclass(frozen=True)
class Match:
    operator: Literal["=~", "!~"]
    left: Operand
    pattern: Regex
    span: Span


@dataclass(frozen=True)
class In:
    item: Operand
    container: Operand
    negated: bool
    span: Span


@dataclass(frozen=True)
class Not:
    inner: Condition
    span: Span


@dataclass(frozen=True)
class Junction:
    operator: Literal["and", "or", "nand", "xor"]
    left: Condition
    right: Condition
    span: Span


Condition = Truth | Compare | Match | In | Not | Junction

# ---------------------------------------------------------------------------------------------- statements


@dataclass(frozen=True)
class Arm:
    """`if` or `else if`: a condition and what is done where it holds."""

    condition: Condition
    body: tuple[Statement, ...]
    span: Span


@dataclass(frozen=True)
class Branch:
    arms: tuple[Arm, ...]
    otherwise: tuple[Statement, ...]
    span: Span


Statement = Plugin | Branch


@dataclass(frozen=True)
class Section:
    kind: Kind
    body: tuple[Statement, ...]
    span: Span


@dataclass(frozen=True)
class Configuration:
    """All sections of all sources, in their order."""

    sections: tuple[Section, ...]

    def body(self, kind: Kind) -> tuple[Statement, ...]:
        """The statements of all sections of one kind, in their order."""
        return tuple(statement for section in self.sections if section.kind == kind for statement in section.body)
