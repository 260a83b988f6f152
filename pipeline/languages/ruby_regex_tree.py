"""The tree of a Ruby (Oniguruma) regular expression, between `ruby_regex_parser` and `ruby_regex_writer`."""

from __future__ import annotations

from dataclasses import dataclass

from pipeline.languages.ruby_regex_sets import CharacterSet


class PatternError(ValueError):
    """A pattern that Ruby refuses, or that cannot be translated; the message says why, and where."""


@dataclass(slots=True)
class Characters:
    """One character of a set; `code` where the set is just that one, `text` where Python has a name for it."""

    set: CharacterSet
    code: int | None = None
    text: str | None = None


@dataclass(slots=True)
class AnyCharacter:
    """`.`, which takes a newline too under `(?m)`."""

    newline: bool


@dataclass(slots=True)
class Anchor:
    """`^ $ \\A \\z \\Z \\b \\B`, by its letter."""

    kind: str


@dataclass(slots=True)
class Group:
    """`(...)`, `(?:...)` or `(?>...)`; `number` where it captures."""

    body: Node
    number: int | None = None
    name: str | None = None
    atomic: bool = False


@dataclass(slots=True)
class Look:
    """`(?=...)`, `(?!...)`, `(?<=...)`, `(?<!...)`."""

    body: Node
    behind: bool
    negated: bool


@dataclass(slots=True)
class Repeat:
    """A quantified atom; `mode` is "", "?" or "+"."""

    body: Node
    low: int
    high: int | None
    mode: str


@dataclass(slots=True)
class Backreference:
    """`\\1`, `\\k<name>`: the text of one of these groups, the first in this order that has one."""

    groups: list[int]
    fold: bool


@dataclass(slots=True)
class Conditional:
    """`(?(1)yes|no)`."""

    group: int
    branches: list[Node]


@dataclass(slots=True)
class Keep:
    """`\\K`: the match starts here."""


@dataclass(slots=True)
class Branch:
    """One thing after the other."""

    pieces: list[Node]


@dataclass(slots=True)
class Choice:
    """One of several branches, the first that leads to a match."""

    branches: list[Node]


Node = Characters | AnyCharacter | Anchor | Group | Look | Repeat | Backreference | Conditional | Keep | Branch | Choice


@dataclass(slots=True)
class Parsed:
    """A pattern as a tree, with what the writer must know of the whole."""

    tree: Node
    names: dict[str, list[int]]
    groups: int
    sensitive: bool
    """Its meaning for ASCII subjects can be written shorter than that for others."""
    keeps: bool
    """It holds `\\K`."""
