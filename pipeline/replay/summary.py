"""What a replay tells at its end: a table of what became of the events, and of each index.

Where it goes on from earlier runs, what counts in this run, and beside it what counts in all.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator

from pipeline.batch import Tally

_FATES = ("indexed", "duplicates", "refused")
_ROWS = {
    "read": "read",
    "indexed": "indexed",
    "duplicates": "duplicates",
    "dropped": "dropped by a filter",
    "outside": "outside of --from and --to",
    "unrouted": "to no output",
    "dead": "dead-lettered",
    "made": "made by a filter",
    "lost": "lost, as the dead letter queue is full",
}
_ALWAYS = ("read", "indexed", "duplicates", "dropped", "dead")


def sums(tally: Tally) -> Counter[str]:
    """How many events, or items of outputs, there were of each fate."""
    total = Counter[str]()
    for (what, _, _), count in tally.items():
        total[what] += count
    return total


def summary(tally: Tally, before: Tally, *, dry: bool = False) -> Iterator[str]:
    """The lines of the table of this run and, if there were any, of the runs before it; of a dry run, what would have
    become of the events."""
    indexed = "would be indexed" if dry else "indexed"
    whole: Tally = Counter(tally)
    whole.update(before)
    counts, in_all = sums(tally), sums(whole)
    rows = [
        (indexed if what == "indexed" else shown, f"{counts[what]:,}", f"{in_all[what]:,}")
        for what, shown in _ROWS.items()
        if in_all[what] or what in _ALWAYS
    ]
    if not before:
        yield from _columns([row[:2] for row in rows])
        yield from _by_index("index", tally, indexed)
        return
    yield from _columns([("", "this run", "in all"), *rows])
    yield from _by_index("index, this run", tally, indexed)
    yield from _by_index("index, in all", whole, indexed)


def _by_index(title: str, tally: Tally, indexed: str) -> Iterator[str]:
    found: dict[str, Counter[str]] = {}
    for (fate, index, _), count in tally.items():
        if fate in _FATES:
            found.setdefault(index, Counter())[fate] += count
    if found:
        yield ""
        rows = ((index or "(no index)", *(f"{of[fate]:,}" for fate in _FATES)) for index, of in sorted(found.items()))
        yield from _columns([(title, indexed, "duplicates", "dead-lettered"), *rows])


def _columns(rows: Iterable[tuple[str, ...]]) -> Iterator[str]:
    """The first column to the left, the others to the right."""
    rows = list(rows)
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    for first, *others in rows:
        cells = [first.ljust(widths[0]), *(cell.rjust(width) for cell, width in zip(others, widths[1:], strict=True))]
        yield "  ".join(cells).rstrip()
