"""What only one plugin may have: said by `check`, before two of them write it over each other."""

from __future__ import annotations

from collections.abc import Sequence

from pipeline.config.check import CheckedPlugin
from pipeline.grammar.faults import Fault
from pipeline.options import InputOptions


def claims(inputs: Sequence[CheckedPlugin]) -> list[Fault]:
    """A fault for each input that wants what another has."""
    faults: list[Fault] = []
    first: dict[tuple[str, str], CheckedPlugin] = {}
    for checked in inputs:
        claim = checked.options.claim() if isinstance(checked.options, InputOptions) else None
        if claim is None:
            continue
        name, (what, remedy) = checked.node.name, claim
        other = first.setdefault((name, what), checked)
        if other is not checked:
            place = other.node.name_span.place
            faults.append(Fault(f"{name}: {what} is that of the input at {place}; {remedy}", checked.node.name_span))
    return faults
