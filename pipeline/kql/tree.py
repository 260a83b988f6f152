"""What a KQL query says, as a tree.

    Everything                      the empty query, `*`, `*:*`
    Is(field, value)                field:value; without a field, free text over all of them
    Compare(field, sign, value)     field >= value
    Not(node)   And(nodes)   Or(nodes)

`field:(a or b)` is `Or(Is(field, a), Is(field, b))`. A literal is held in the pieces between its wildcards.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Literal as Choice

Sign = Choice["<", "<=", ">", ">="]


class QueryError(ValueError):
    """A query that cannot be read; shows the place."""

    def __init__(self, query: str, position: int, problem: str) -> None:
        line = re.sub(r"\s", " ", query)
        super().__init__(f"{problem}\n    {line}\n    {' ' * position}^")
        self.problem = problem
        self.position = position
        """From 0, in characters of the query."""


@dataclass(frozen=True, slots=True)
class Literal:
    """A value, or the name of a field."""

    pieces: tuple[str, ...]
    """One piece where there is no wildcard; between two pieces is a `*`."""
    quoted: bool = False
    start: int = field(default=0, compare=False)
    """Where it begins in the query."""

    @property
    def text(self) -> str:
        """The literal with its wildcards as stars."""
        return "*".join(self.pieces)

    @property
    def wild(self) -> bool:
        """Whether there is a wildcard in it."""
        return len(self.pieces) > 1

    @property
    def anything(self) -> bool:
        """Whether it is nothing but wildcards."""
        return self.wild and not any(self.pieces)


@dataclass(frozen=True, slots=True)
class Everything:
    """True of every document."""


@dataclass(frozen=True, slots=True)
class Is:
    """A field has a value; any field, where none is named."""

    field: Literal | None
    value: Literal


@dataclass(frozen=True, slots=True)
class Compare:
    """A field has a value that stands in this order to another."""

    field: Literal
    sign: Sign
    value: Literal


@dataclass(frozen=True, slots=True)
class Not:
    """Where the node does not match."""

    node: Node


@dataclass(frozen=True, slots=True)
class And:
    """Where all of the nodes match."""

    nodes: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Or:
    """Where one of the nodes matches."""

    nodes: tuple[Node, ...]


Node = Everything | Is | Compare | Not | And | Or
