"""Figures: what was measured, what the goal is, and both as a table and as JSON."""

from __future__ import annotations

import os
import platform
import statistics
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

MISSED = "MISSED"


@dataclass(frozen=True, slots=True)
class Figure:
    """The same thing measured several times."""

    subject: str
    name: str
    values: tuple[float, ...]
    least: float | None = None
    """The goal: at least this,"""
    below: float | None = None
    """or less than this."""
    best: bool = False
    """The smallest value counts; else the median."""

    @property
    def value(self) -> float:
        """The value that is compared: the best one or the median."""
        return min(self.values) if self.best else statistics.median(self.values)

    @property
    def goal(self) -> str:
        """The goal as text; nothing where there is none."""
        if self.least is not None:
            return f">= {self.least:g}"
        return f"< {self.below:g}" if self.below is not None else ""

    @property
    def missed(self) -> bool:
        """Whether there is a goal that is not reached."""
        return (self.least is not None and self.value < self.least) or (
            self.below is not None and self.value >= self.below
        )


def shown(value: float) -> str:
    """A number with as many digits as mean something."""
    if value >= 1000:
        return f"{value:,.0f}"
    return f"{value:.0f}" if value >= 100 else f"{value:.1f}" if value >= 10 else f"{value:.3f}"


def table(figures: Sequence[Figure]) -> Iterator[str]:
    """The lines of the table; each subject is named once."""
    names = max(len(figure.name) for figure in figures)
    yield f"  {'':{names}}  {'value':>9}  {'lowest - highest':>17}  goal"
    subject = ""
    for figure in figures:
        if figure.subject != subject:
            subject = figure.subject
            yield subject
        spread = f"{shown(min(figure.values))} - {shown(max(figure.values))}" if len(figure.values) > 1 else ""
        mark = f"  {MISSED}" if figure.missed else ""
        yield f"  {figure.name:{names}}  {shown(figure.value):>9}  {spread:>17}  {figure.goal}{mark}".rstrip()


def as_json(figures: Sequence[Figure]) -> dict[str, Any]:
    """By subject and name."""
    found: dict[str, dict[str, Any]] = {}
    for figure in figures:
        found.setdefault(figure.subject, {})[figure.name] = {
            "value": figure.value,
            "values": list(figure.values),
            **({"goal": figure.goal, "missed": figure.missed} if figure.goal else {}),
        }
    return found


def machine() -> dict[str, Any]:
    """Where it was measured."""
    return {
        "python": f"{platform.python_implementation()} {platform.python_version()}",
        "system": f"{platform.system()} {platform.machine()}",
        "cores": os.cpu_count(),
        "load": os.getloadavg()[0],
    }
