"""What a replay tells at its end: a table of what became of the events, and of each index."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from pipeline.metrics import Counters

FATES = ("indexed", "duplicates", "dead")


def summary(counters: Counters, *, dry: bool = False) -> Iterator[str]:
    """The lines of the table; of a dry run, what would have become of the events."""
    indexed = "would be indexed" if dry else "indexed"
    read = counters.decoded + counters.undecodable
    rows = [
        ("read", read),
        (indexed, counters.delivered),
        ("duplicates", counters.duplicates),
        ("dropped by a filter", counters.dropped),
        ("outside of --from and --to", counters.outside),
        ("to no output", counters.unrouted),
        ("dead-lettered", counters.dead),
        ("made by a filter", counters.made),
        ("lost, as the dead letter queue is full", counters.lost),
    ]
    always = {"read", indexed, "duplicates", "dropped by a filter", "dead-lettered"}
    yield from _columns([(name, f"{count:,}") for name, count in rows if count or name in always])
    by_index: dict[str, dict[str, int]] = {}
    for (index, fate), count in counters.by_index.items():
        by_index.setdefault(index, dict.fromkeys(FATES, 0))[fate] += count
    if by_index:
        yield ""
        header = ("index", indexed, "duplicates", "dead-lettered")
        yield from _columns(
            [
                header,
                *(
                    (index or "(no index)", *(f"{of[fate]:,}" for fate in FATES))
                    for index, of in sorted(by_index.items())
                ),
            ]
        )


def _columns(rows: Iterable[tuple[str, ...]]) -> Iterator[str]:
    """The first column to the left, the others to the right."""
    rows = list(rows)
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    for first, *others in rows:
        cells = [first.ljust(widths[0]), *(cell.rjust(width) for cell, width in zip(others, widths[1:], strict=True))]
        yield "  ".join(cells).rstrip()
