"""`apex-logs indices`: the indices of the embedded store, and how much is in them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import orjson
import typer

from pipeline.cli.search import no_store
from pipeline.errors import StoreError
from pipeline.store.reader import IndexSize, sizes


def indices(
    embedded: Annotated[Path, typer.Option("--embedded", metavar="DIR", help="The embedded store.")] = Path("data"),
    as_json: Annotated[bool, typer.Option("--json", help="A list of index, documents, bytes.")] = False,
) -> None:
    """List the indices of the embedded store with their documents and bytes."""
    try:
        found = sizes(embedded)
    except StoreError as error:
        message, code = no_store(embedded, error)
        typer.echo(message, err=True)
        raise typer.Exit(code) from None
    if as_json:
        typer.echo(orjson.dumps(found).decode())
        return
    for line in table(found):
        typer.echo(line)


def table(found: list[IndexSize]) -> Iterator[str]:
    """The lines of a table with a heading, a line for each index, and totals."""
    total = ("total", f"{sum(each.documents for each in found):,}", f"{sum(each.bytes for each in found):,}")
    rows = [(each.index, f"{each.documents:,}", f"{each.bytes:,}") for each in found]
    rows = [("index", "documents", "bytes"), *rows, total]
    names, counts, sizes_ = (max(map(len, column)) for column in zip(*rows, strict=True))
    for name, count, size in rows:
        yield f"{name:<{names}}  {count:>{counts}}  {size:>{sizes_}}"
