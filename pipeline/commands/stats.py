"""`apex-logs stats`: how many documents, by the values of a field, with percentiles of others."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import orjson

from pipeline.commands.asking import Asked, Where, ask
from pipeline.commands.printing import safe, table
from pipeline.search.counting import spelled
from pipeline.search.questions import PERCENTS, Documents, Group


def stats(where: Where, asked: Asked, by: str | None, of: Sequence[str], size: int, as_json: bool) -> int:
    """Prints a table, or JSON; returns the exit code."""
    return ask(where, partial(_print_stats, asked, by, of, size, as_json))


async def _print_stats(
    asked: Asked, by: str | None, of: Sequence[str], size: int, as_json: bool, documents: Documents
) -> None:
    question = asked.question()
    total = await documents.count(question)
    if by is None:
        groups = [Group("all", total, {name: await documents.percentiles(question, name) for name in of})]
    else:
        groups = await documents.groups(question, by, size=size, of=of)
    if as_json:
        found = [_plain(group, by) for group in groups]
        print(orjson.dumps({"documents": total, "groups": found}).decode())
        return
    print(*table(*_rows(groups, by, of, total), right=frozenset(range(1, 3 + len(of) * len(PERCENTS)))), sep="\n")


def _plain(group: Group, by: str | None) -> dict[str, object]:
    named = {} if by is None else {by: group.value}
    percentiles = {
        name: {f"p{percent:g}": value for percent, value in each.items()} for name, each in group.percentiles.items()
    }
    return {**named, "count": group.count, **({"percentiles": percentiles} if percentiles else {})}


def _rows(groups: Sequence[Group], by: str | None, of: Sequence[str], total: int) -> tuple[list[str], list[list[str]]]:
    heading = [by or "", "count", "share", *(f"{name} p{percent:g}" for name in of for percent in PERCENTS)]
    rows = []
    for group in groups:
        shares = f"{100 * group.count / total:.1f} %" if total else ""
        figures = [_figure(group.percentiles.get(name, {}).get(percent)) for name in of for percent in PERCENTS]
        rows.append([safe(spelled(group.value)), f"{group.count:,}", shares, *figures])
    return heading, rows


def _figure(value: float | None) -> str:
    return "" if value is None else f"{value:,.3f}".rstrip("0").rstrip(".")
