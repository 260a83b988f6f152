"""Writes the tree of a Ruby pattern as a pattern of Python's `re`, for `ruby_regex`.

The text is for the flags ASCII and MULTILINE, without IGNORECASE: case is folded in the sets. Groups keep
their numbers. Where a text could mean something else than in Ruby, it is written longer:

    ^       not at the very end, behind a last newline      (?:^(?!\\Z)|\\A)
    \\Z      the end, or before a newline that ends it        (?=\\n?\\Z)
    x{2}+   repeated again, not possessive                  (?:x{2})+
"""

from __future__ import annotations

from functools import singledispatchmethod

from pipeline.languages import ruby_regex_sets as sets
from pipeline.languages.ruby_regex_tree import (
    Anchor,
    AnyCharacter,
    Backreference,
    Branch,
    Characters,
    Choice,
    Conditional,
    Group,
    Keep,
    Look,
    Node,
    Repeat,
)


def written(tree: Node, limit: int) -> str:
    """The pattern for subjects whose characters are not above the limit."""
    return _Writer(limit).write(tree)


def shortest(node: Node) -> int:
    """The least number of characters that the node matches."""
    if isinstance(node, Characters | AnyCharacter):
        return 1
    if isinstance(node, Branch):
        return sum(map(shortest, node.pieces))
    if isinstance(node, Choice):
        return min(map(shortest, node.branches))
    if isinstance(node, Conditional):
        return min(map(shortest, node.branches)) if len(node.branches) == 2 else 0
    if isinstance(node, Group):
        return shortest(node.body)
    if isinstance(node, Repeat):
        return node.low * shortest(node.body)
    return 0


class _Writer:
    def __init__(self, limit: int) -> None:
        self.limit = limit
        self.seen: set[str] = set()

    def write(self, node: Node, follows: int = 0) -> str:
        """The text of a node; `follows` is the least number of characters behind it."""
        if isinstance(node, Branch):
            return self.branch(node, follows)
        if isinstance(node, Anchor):
            return self.anchor(node.kind, follows)
        if isinstance(node, Group):
            return self.group(node, follows)
        return self.single(node)

    def branch(self, node: Branch, follows: int) -> str:
        lengths = [shortest(piece) for piece in node.pieces]
        parts = []
        for index, piece in enumerate(node.pieces):
            text = self.write(piece, follows + sum(lengths[index + 1 :]))
            parts.append(f"(?:{text})" if isinstance(piece, Choice) else text)
        return "".join(parts)

    @singledispatchmethod
    def single(self, node: Node) -> str:
        raise TypeError(f"there is no way to write {node!r}")

    @single.register
    def _(self, node: Choice) -> str:
        return "|".join(self.write(branch) for branch in node.branches)

    @single.register
    def _(self, node: Characters) -> str:
        if node.code is not None:
            return sets.character(node.code)
        return node.text or sets.written(node.set(self.limit), self.limit)

    @single.register
    def _(self, node: AnyCharacter) -> str:
        return "(?s:.)" if node.newline else "."

    @single.register
    def _(self, _node: Keep) -> str:
        return r"\K"

    @single.register
    def _(self, node: Backreference) -> str:
        texts = [f"(?:\\{group})" if not node.fold else self.folded(group) for group in node.groups]
        return texts[0] if len(texts) == 1 else f"(?>{'|'.join(texts)})"

    def folded(self, group: int) -> str:
        return f"(?i:\\{group})" if self.limit == sets.ASCII else f"(?iu:\\{group})"

    @single.register
    def _(self, node: Conditional) -> str:
        return f"(?({node.group}){'|'.join(f'(?:{self.write(branch)})' for branch in node.branches)})"

    @single.register
    def _(self, node: Repeat) -> str:
        body = self.write(node.body)
        if not isinstance(node.body, Characters | AnyCharacter | Group | Backreference):
            body = f"(?:{body})"
        if node.high is None:
            sign = {0: "*", 1: "+"}.get(node.low, f"{{{node.low},}}")
        elif (node.low, node.high) == (0, 1):
            sign = "?"
        else:
            sign = f"{{{node.low}}}" if node.low == node.high else f"{{{node.low},{node.high}}}"
        return f"{body}{sign}{node.mode}"

    @single.register
    def _(self, node: Look) -> str:
        if not node.behind:
            return f"(?{'!' if node.negated else '='}{self.write(node.body)})"
        branches = node.body.branches if isinstance(node.body, Choice) else [node.body]
        sign = "(?<!" if node.negated else "(?<="
        looks = [f"{sign}{self.write(branch)})" for branch in branches]
        if len(looks) == 1:
            return looks[0]
        return "".join(looks) if node.negated else f"(?:{'|'.join(looks)})"

    def group(self, node: Group, follows: int) -> str:
        body = self.write(node.body, follows)
        if node.number is None:
            return f"(?>{body})" if node.atomic else f"(?:{body})"
        name = node.name or ""
        if name.isidentifier() and name.isascii() and name not in self.seen:
            self.seen.add(name)
            return f"(?P<{name}>{body})"
        return f"({body})"

    def anchor(self, kind: str, follows: int) -> str:
        if kind == "^":
            return "^" if follows else r"(?:^(?!\Z)|\A)"
        if kind in ("\\b", "\\B") and self.limit != sets.ASCII:
            word = sets.written(sets.WORD_CHARACTER(self.limit), self.limit)
            if kind == "\\b":
                return f"(?:(?<={word})(?!{word})|(?<!{word})(?={word}))"
            return f"(?:(?<={word})(?={word})|(?<!{word})(?!{word}))"
        return {"\\z": r"\Z", "\\Z": r"(?=\n?\Z)", "\\B": r"(?!\b)"}.get(kind, kind)
