"""`apex-logs search`, `tail`, `stats`: the commands that ask. What they do is imported when they are called."""

from pathlib import Path
from typing import Annotated

import typer

Query = Annotated[str, typer.Argument(help="KQL: level:error and status >= 500; * is everything.")]
Store = Annotated[Path, typer.Option("--embedded", metavar="DIR", help="The embedded store.")]
Server = Annotated[
    str | None,
    typer.Option("--elasticsearch", metavar="URL", help="Ask Elasticsearch; an API key is ELASTICSEARCH_API_KEY."),
]
Authority = Annotated[
    Path | None, typer.Option("--cacert", metavar="FILE", help="A PEM file: the authority of the server's certificate.")
]
Last = Annotated[str | None, typer.Option("--last", metavar="AGE", help="Only the last 15m, 2h or 7d.")]
From = Annotated[str | None, typer.Option("--from", metavar="DATE", help="From 2026-11-23T09:30 or now-1d/d on.")]
To = Annotated[str | None, typer.Option("--to", metavar="DATE", help="Until then; a day is meant to its end.")]
IndexGlob = Annotated[str, typer.Option("--index", metavar="GLOB", help="Only indices of that name; a,b* are several.")]
Fields = Annotated[str | None, typer.Option("--fields", metavar="A,B", help="Only these fields, with tabs between.")]
Json = Annotated[bool, typer.Option("--json", help="One JSON object a line.")]


def search(
    query: Query = "*",
    embedded: Store = Path("data"),
    elasticsearch: Server = None,
    authority: Authority = None,
    last: Last = None,
    since: From = None,
    until: To = None,
    index: IndexGlob = "*",
    limit: Annotated[int, typer.Option("--limit", min=1, help="At most so many hits.")] = 100,
    fields: Fields = None,
    as_json: Annotated[bool, typer.Option("--json", help="One line a hit: _index, _id, _source.")] = False,
    as_table: Annotated[
        bool, typer.Option("--table", help="Aligned columns: --fields, or time, level, message.")
    ] = False,
) -> None:
    """Search the embedded store or Elasticsearch with KQL, newest first."""
    from pipeline.commands.asking import Asked, Where
    from pipeline.commands.search import Look
    from pipeline.commands.search import search as find

    where, asked = Where(embedded, elasticsearch, authority), Asked(query, last, since, until, index)
    raise typer.Exit(find(where, asked, Look(as_json, as_table, fields), limit))


def tail(
    query: Query = "*",
    follow: Annotated[bool, typer.Option("-f", "--follow", help="Print what comes, until Ctrl-C.")] = False,
    embedded: Store = Path("data"),
    elasticsearch: Server = None,
    authority: Authority = None,
    index: IndexGlob = "*",
    lines: Annotated[int, typer.Option("-n", "--lines", min=1, help="So many that are there already.")] = 10,
    interval: Annotated[float, typer.Option("--interval", min=0.1, metavar="SECONDS", help="How often to look.")] = 1.0,
    fields: Fields = None,
    as_json: Annotated[bool, typer.Option("--json", help="One line a document: _index, _id, _source.")] = False,
) -> None:
    """Print the newest documents that match, the newest last; -f goes on with those that come."""
    from pipeline.commands.asking import Asked, Where
    from pipeline.commands.search import Look
    from pipeline.commands.tail import tail as print_tail

    where, asked = Where(embedded, elasticsearch, authority), Asked(query, index=index)
    raise typer.Exit(print_tail(where, asked, Look(as_json, fields=fields), lines, interval if follow else None))


def stats(
    query: Query = "*",
    by: Annotated[
        str | None, typer.Option("--by", metavar="FIELD", help="One line for each value of this field.")
    ] = None,
    percentiles: Annotated[
        str | None, typer.Option("--percentiles", metavar="A,B", help="p50, p95 and p99 of these fields.")
    ] = None,
    embedded: Store = Path("data"),
    elasticsearch: Server = None,
    authority: Authority = None,
    last: Last = None,
    since: From = None,
    until: To = None,
    index: IndexGlob = "*",
    size: Annotated[int, typer.Option("--size", min=1, help="At most so many values, the most frequent.")] = 20,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object.")] = False,
) -> None:
    """Count documents, by the values of a field, with percentiles of other fields."""
    from pipeline.commands.asking import Asked, Where
    from pipeline.commands.stats import stats as count

    of = [name.strip() for name in (percentiles or "").split(",") if name.strip()]
    where, asked = Where(embedded, elasticsearch, authority), Asked(query, last, since, until, index)
    raise typer.Exit(count(where, asked, by, of, size, as_json))
