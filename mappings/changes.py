"""How one body differs from another, a line each: `+` comes, `-` goes, `~` becomes another."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any


def changes(before: Any, after: Any) -> list[str]:
    """The lines, by path; none if the two say the same."""
    have, want = dict(_leaves(before)), dict(_leaves(after))
    lines = []
    for path in sorted(have.keys() | want.keys()):
        old, new = have.get(path), want.get(path)
        if old == new:
            continue
        if old is None:
            lines.append(f"+ {path}: {new}")
        elif new is None:
            lines.append(f"- {path}: {old}")
        else:
            lines.append(f"~ {path}: {old} -> {new}")
    return lines


def _leaves(value: Any, path: str = "") -> Iterator[tuple[str, str]]:
    """Each value with its dotted path: a server answers settings as texts, in objects, whatever way they were given."""
    if isinstance(value, dict) and value:
        for name, inner in value.items():
            yield from _leaves(inner, f"{path}.{name}" if path else name)
    elif isinstance(value, list) and value and all(isinstance(each, dict) for each in value):
        for number, inner in enumerate(value):
            yield from _leaves(inner, f"{path}[{number}]")
    else:
        yield path, str(value).lower() if isinstance(value, bool) else str(value)
