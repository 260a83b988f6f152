"""What every match of a Ruby pattern must have, so that texts without it are turned away cheaply.

All answers are safe to ignore, and empty where nothing certain can be said.
"""

from __future__ import annotations

from pipeline.languages.ruby_regex_sets import UNICODE
from pipeline.languages.ruby_regex_tree import (
    Anchor,
    AnyCharacter,
    Backreference,
    Branch,
    Characters,
    Choice,
    Conditional,
    Group,
    Look,
    Node,
    Repeat,
)
from pipeline.languages.ruby_regex_writer import shortest

_WORTHLESS = frozenset("0123456789 ")
"""Characters that nearly every log line holds."""


def head(node: Node) -> str:
    """The anchor that every match begins with: `\\\\A`, `^`, or nothing."""
    if isinstance(node, Anchor):
        return node.kind if node.kind in ("^", "\\A") else ""
    if isinstance(node, Branch):
        first = next((piece for piece in node.pieces if not isinstance(piece, Look)), None)
        return head(first) if first is not None else ""
    if isinstance(node, Group):
        return head(node.body)
    if isinstance(node, Choice):
        heads = {head(branch) for branch in node.branches}
        return heads.pop() if len(heads) == 1 else ""
    return ""


def sweep(tree: Node) -> str:
    """The anchor that changes no first match where `.*` leads: `^`, or `\\\\A` under `(?m)`; else nothing.

    If such a pattern matches from anywhere in a line, it does from the line's start, where a search comes first.
    """
    return "" if _refers(tree) else _leading(tree)


def _leading(node: Node) -> str:
    if isinstance(node, Repeat) and isinstance(node.body, AnyCharacter) and node.high is None and node.mode != "+":
        return "\\A" if node.body.newline else "^"
    if isinstance(node, Branch):
        return _leading(node.pieces[0]) if node.pieces else ""
    if isinstance(node, Group):
        return "" if node.atomic else _leading(node.body)
    if isinstance(node, Choice):
        leads = {_leading(branch) for branch in node.branches}
        return leads.pop() if len(leads) == 1 else ""
    return ""


def _refers(node: Node) -> bool:
    """Whether what stands later depends on how much a group took."""
    if isinstance(node, Branch):
        return any(map(_refers, node.pieces))
    if isinstance(node, Choice):
        return any(map(_refers, node.branches))
    if isinstance(node, Group | Look | Repeat):
        return _refers(node.body)
    return isinstance(node, Backreference | Conditional)


def literal(node: Node) -> str:
    """The text, of those that every match holds, that is rarest in log lines by its looks."""
    runs: list[str] = [""]
    _gather(node, runs)
    return max(runs, key=lambda run: (len([one for one in run if one not in _WORTHLESS]), len(run)))


def _gather(node: Node, runs: list[str]) -> None:
    """Adds to the last run what follows it for certain; begins a new one where something else may stand between."""
    if isinstance(node, Characters) and node.code is not None:
        runs[-1] += chr(node.code)
    elif isinstance(node, Branch):
        for piece in node.pieces:
            _gather(piece, runs)
    elif isinstance(node, Group):
        _gather(node.body, runs)
    elif isinstance(node, Repeat):
        runs.append("")
        if node.low:
            _gather(node.body, runs)
            runs.append("")
    elif isinstance(node, Choice):
        runs.append("")
        common = set.intersection(*({run for run in _runs(branch) if run} for branch in node.branches))
        runs += sorted(common)
        runs.append("")
    elif not isinstance(node, Anchor | Look):
        runs.append("")


def _runs(node: Node) -> list[str]:
    runs = [""]
    _gather(node, runs)
    return runs


def filled(node: Node) -> frozenset[int]:
    """The numbers of the groups that hold some text after every match."""
    if isinstance(node, Branch):
        return frozenset().union(*map(filled, node.pieces))
    if isinstance(node, Group):
        own = {node.number} if node.number is not None and shortest(node.body) else set()
        return filled(node.body) | own
    if isinstance(node, Repeat) and node.low:
        return filled(node.body)
    if isinstance(node, Choice):
        return frozenset.intersection(*map(filled, node.branches))
    return frozenset()


def numeric(node: Node) -> frozenset[int]:
    """The numbers of the groups that match a whole number with or without a sign, and nothing else."""
    if isinstance(node, Branch):
        return frozenset().union(*map(numeric, node.pieces))
    if isinstance(node, Choice | Conditional):
        return frozenset().union(*map(numeric, node.branches))
    if isinstance(node, Repeat | Look):
        return numeric(node.body)
    if isinstance(node, Group):
        own = {node.number} if node.number is not None and _is_number(_flat(node.body)) else set()
        return numeric(node.body) | own
    return frozenset()


def _flat(node: Node) -> list[Node]:
    """What stands one after the other, without what takes no character."""
    if isinstance(node, Branch):
        return [inner for piece in node.pieces for inner in _flat(piece)]
    if isinstance(node, Group):
        return _flat(node.body)
    return [] if isinstance(node, Anchor | Look) else [node]


def _is_number(pieces: list[Node]) -> bool:
    if pieces and isinstance(pieces[0], Repeat) and pieces[0].high == 1 and _within(pieces[0].body, "+-"):
        pieces = pieces[1:]
    digits = [piece.body if isinstance(piece, Repeat) else piece for piece in pieces]
    return any(map(shortest, pieces)) and all(_within(piece, "0123456789") for piece in digits)


def _within(node: Node, characters: str) -> bool:
    """A character that is one of these."""
    return isinstance(node, Characters) and all(
        chr(code) in characters for low, high in node.set(UNICODE)[:20] for code in range(low, min(high, low + 99) + 1)
    )
