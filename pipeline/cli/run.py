"""`apex-logs run`: the command and its flags, Logstash's. What it does is imported when it is called."""

from typing import Annotated

import typer

from pipeline.cli.flags import (
    Config,
    DataFolder,
    EcsMode,
    Embedded,
    Escapes,
    PipelineId,
    SettingsFolder,
    Style,
    Text,
    Version,
)

TestAndExit = Annotated[
    bool, typer.Option("-t", "--config.test_and_exit", help="Check the configuration, and do not run it.")
]
Level = Annotated[
    str | None,
    typer.Option("--log.level", metavar="LEVEL", help="trace, debug, info, warn, error or fatal (info)."),
]
BatchDelay = Annotated[
    int | None,
    typer.Option("-u", "--pipeline.batch.delay", metavar="MS", help="How long a body waits to fill (50)."),
]
Reload = Annotated[
    bool | None, typer.Option("-r", "--config.reload.automatic", help="Reload when the configuration changes.")
]
ReloadInterval = Annotated[
    str | None, typer.Option("--config.reload.interval", metavar="SECONDS", help="How often to look (3 s).")
]
Workers = Annotated[
    int | None,
    typer.Option("-w", "--workers", "--pipeline.workers", metavar="N", help="How many processes work (1)."),
]
BatchSize = Annotated[int | None, typer.Option("-b", "--pipeline.batch.size", hidden=True)]


def run(
    context: typer.Context,
    config: Config = None,
    text: Text = None,
    settings: SettingsFolder = None,
    embedded: Embedded = None,
    data: DataFolder = None,
    ecs: EcsMode = None,
    test: TestAndExit = False,
    level: Level = None,
    style: Style = None,
    escapes: Escapes = None,
    pipeline_id: PipelineId = None,
    delay: BatchDelay = None,
    reload: Reload = None,
    interval: ReloadInterval = None,
    workers: Workers = None,
    batch: BatchSize = None,
    version: Version = False,
) -> None:
    """Run a configuration until its inputs end, or until Ctrl-C or SIGTERM, which drain; a second one stops at once.

    SIGHUP reloads the configuration, and keeps the running one if the new one has a fault. Logstash's other flags are
    taken too, with a warning where they change nothing.
    """
    from pipeline.cli.logstash_flags import settings_of
    from pipeline.commands.arguments import Arguments
    from pipeline.commands.run import run_pipeline

    flags = {
        **settings_of(context.args),
        "path.data": data,
        "pipeline.ecs_compatibility": ecs,
        **({} if level is None else {"log.level": level}),
        "log.format": style,
        "config.support_escapes": escapes,
        "pipeline.id": pipeline_id,
        "pipeline.batch.delay": delay,
        "config.reload.automatic": reload,
        "config.reload.interval": interval,
        "pipeline.workers": workers,
        "pipeline.batch.size": batch,
    }
    raise typer.Exit(run_pipeline(Arguments(config or [], text, settings, embedded, flags, test)))
