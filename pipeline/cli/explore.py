"""The command `explore`. What it needs is imported when it is called."""

from pathlib import Path
from typing import Annotated

import typer

from pipeline.cli.flags import Config, DataFolder, PipelineId, SettingsFolder
from pipeline.cli.search import Authority, Server, Store


def explore(
    embedded: Store = Path("data"),
    elasticsearch: Server = None,
    authority: Authority = None,
    host: Annotated[
        str, typer.Option("--host", metavar="ADDRESS", help="Where to listen; others than 127.0.0.1 take a token.")
    ] = "127.0.0.1",
    port: Annotated[int, typer.Option("--port", min=0, max=65535, help="The port; 0 is any that is free.")] = 8600,
    engine: Annotated[
        str, typer.Option("--engine", metavar="URL", help="The API of a running engine.")
    ] = "http://127.0.0.1:9600",
    traces: Annotated[
        str, typer.Option("--traces", metavar="URL", help="Where a trace is shown; {} is its id.")
    ] = "http://127.0.0.1:16686/trace/{}",
    saved: Annotated[
        Path | None,
        typer.Option("--saved", metavar="FILE", help="Saved queries (~/.config/apex-logs/queries.json)."),
    ] = None,
    config: Config = None,
    data: DataFolder = None,
    settings: SettingsFolder = None,
    pipeline_id: PipelineId = None,
) -> None:
    """Serve a page that searches the embedded store or Elasticsearch, and shows the pipeline and its dead letters.

    With -f CONF, dead letters that are retried from the page run through CONF, as with `dlq retry -f`; without, they
    are sent again as they were, to the outputs of the settings.
    """
    from pipeline.commands.asking import Where
    from pipeline.commands.explore import Wish
    from pipeline.commands.explore import explore as serve

    flags = {"path.data": data, "pipeline.id": pipeline_id}
    where = Where(embedded, elasticsearch, authority)
    raise typer.Exit(serve(Wish(where, host, port, engine, traces, saved, config or [], settings, flags)))
