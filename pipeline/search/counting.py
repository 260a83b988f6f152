"""Counting values and taking percentiles in bounded memory."""

from __future__ import annotations

import math
from array import array
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any

from pipeline.kql.fields import kind_of, leaves, values
from pipeline.search.questions import MOST_VALUES, FieldFound, Term, Terms

_EXACT = 10_000
"""So many numbers are kept as they are."""
_GROWTH = math.log(1.01)


class Tally:
    """Counts values; true and 1 are two."""

    def __init__(self, most: int = MOST_VALUES) -> None:
        self.most = most
        self.counts: Counter[tuple[type, Any]] = Counter()
        self.given_up = 0

    def add(self, found: Iterable[Any]) -> None:
        """Counts the values of one document, each once."""
        self.counts.update({(type(value) if type(value) is not int else float, value) for value in found})
        if len(self.counts) > 2 * self.most:
            kept = self.counts.most_common(self.most)
            self.given_up += self.counts.total() - sum(count for _, count in kept)
            self.counts = Counter(dict(kept))

    def terms(self, size: int) -> Terms:
        """The most frequent; of those that are as frequent, in the order of their text."""
        ordered = sorted(self.counts.items(), key=lambda each: (-each[1], str(each[0][1])))
        first = [Term(value, count) for (_, value), count in ordered[:size]]
        others = self.given_up + sum(count for _, count in ordered[size:])
        return Terms(first, others, exact=not self.given_up)


class Percentiles:
    """Takes percentiles: exact of few numbers, else from classes whose bounds are 1 % apart."""

    def __init__(self) -> None:
        self.numbers: array[float] | None = array("d")
        self.classes: Counter[int] = Counter()

    def add(self, found: Iterable[Any]) -> None:
        """Takes the numbers among the values."""
        for value in found:
            if type(value) not in (int, float) or not math.isfinite(value):
                continue
            if self.numbers is None:
                self.classes[_class_of(value)] += 1
                continue
            self.numbers.append(value)
            if len(self.numbers) > _EXACT:
                self.classes.update(map(_class_of, self.numbers))
                self.numbers = None

    def at(self, percents: Sequence[float]) -> dict[float, float]:
        """The percentiles, with a line between neighbours, as Elasticsearch draws it; empty where nothing was added."""
        if self.numbers is not None:
            ordered = sorted(self.numbers)
            return {percent: _between(ordered, percent) for percent in percents} if ordered else {}
        found, seen, total = dict[float, float](), 0, self.classes.total()
        wanted = sorted(percents)
        for number in sorted(self.classes):
            seen += self.classes[number]
            while wanted and seen >= total * wanted[0] / 100:
                found[wanted.pop(0)] = _middle_of(number)
        return {percent: found[percent] for percent in percents}


def _between(ordered: Sequence[float], percent: float) -> float:
    place = (len(ordered) - 1) * percent / 100
    low = math.floor(place)
    high = min(low + 1, len(ordered) - 1)
    return ordered[low] + (ordered[high] - ordered[low]) * (place - low)


_ZERO = 1 << 20
"""Classes of positive numbers are above it, of negative ones below minus it; 0 is in class 0."""


def _class_of(value: float) -> int:
    if value == 0:
        return 0
    step = _ZERO + round(math.log(abs(value)) / _GROWTH)
    return step if value > 0 else -step


def _middle_of(number: int) -> float:
    if number == 0:
        return 0.0
    size = math.exp((abs(number) - _ZERO) * _GROWTH)
    return size if number > 0 else -size


def fields_of(documents: Iterable[dict[str, Any]], kinds: dict[str, str] | None = None) -> list[FieldFound]:
    """The fields of documents, by name, with how many have them; kinds are told by the values where none are given."""
    counts: Counter[str] = Counter()
    seen: dict[str, str] = {}
    for document in documents:
        names = set()
        for name, value in leaves(document):
            names.add(name)
            if name not in seen:
                seen[name] = kind_of(name) or _kind(value)
        counts.update(names)
    return [FieldFound(name, (kinds or {}).get(name, seen[name]), counts[name]) for name in sorted(counts)]


def _kind(value: Any) -> str:
    if type(value) is bool:
        return "boolean"
    return "keyword" if type(value) is str else "number"


def beginning(tally: Tally, document: dict[str, Any], name: str, prefix: str) -> None:
    """Counts the values of a field that begin so."""
    tally.add(value for value in values(document, name) if spelled(value).startswith(prefix))


def spelled(value: Any) -> str:
    """A value as a query spells it."""
    return str(value).lower() if type(value) is bool else str(value)
