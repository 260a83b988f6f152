"""`apex-logs replay`: the command and its options. What it does is imported when it is called."""

from typing import Annotated

import typer

from pipeline.cli.flags import Config, DataFolder, EcsMode, Embedded, PipelineId, SettingsFolder, Style, Text

Paths = Annotated[
    list[str],
    typer.Argument(
        metavar="PATH",
        help="Files, folders, globs, s3://bucket/key, or - for standard input.",
        show_default=False,
    ),
]
Format = Annotated[
    str | None,
    typer.Option(
        "--format",
        metavar="KIND",
        help="envelopes, lines, documents, search or letters; without it, it is found out and said.",
    ),
]
SetField = Annotated[
    list[str] | None,
    typer.Option(
        "--field",
        metavar="NAME=VALUE",
        help="Set [fields][NAME] in raw lines, as `fields` of Filebeat; [a][b]=VALUE anywhere. May be repeated.",
    ),
]
TimeField = Annotated[
    str | None,
    typer.Option(
        "--time-field",
        metavar="FIELD",
        help="Field of a JSON line that holds its time (the first of @timestamp, timestamp, time).",
    ),
]
TimeOfFile = Annotated[
    str | None,
    typer.Option("--time", metavar="mtime", help="Lines without any time take that of their file's last change."),
]
From = Annotated[
    str | None,
    typer.Option(
        "--from",
        metavar="TIME",
        help="Only events of this time and later: ISO 8601 (UTC without a zone), or -7d, -2h. After the filters.",
    ),
]
To = Annotated[str | None, typer.Option("--to", metavar="TIME", help="Only events before this time.")]
Refilter = Annotated[
    bool, typer.Option("--refilter", help="Exported documents go through the filters, not straight to the outputs.")
]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Write nothing: say how many events would go to which index.")]
Sample = Annotated[int, typer.Option("--sample", metavar="N", min=0, help="How many documents a dry run prints.")]
Restart = Annotated[bool, typer.Option("--restart", help="Forget how far an earlier run came, and begin anew.")]
Workers = Annotated[
    int | None, typer.Option("-w", "--workers", metavar="N", min=1, help="How many processes work (1).")
]
Rate = Annotated[str | None, typer.Option("--rate", metavar="RATE", help="At most so many events: 5000/s, 300/m.")]
MaxRatio = Annotated[
    float,
    typer.Option("--max-ratio", metavar="N", min=0, help="A packed file that unpacks to more is refused; 0: none."),
]
Quiet = Annotated[
    bool, typer.Option("-q", "--quiet", help="No progress, no summary but that of a dry run; errors alone.")
]
Level = Annotated[
    str | None,
    typer.Option("--log.level", metavar="LEVEL", help="trace, debug, info, warn, error or fatal (warn)."),
]


def replay(
    paths: Paths,
    config: Config = None,
    text: Text = None,
    settings: SettingsFolder = None,
    embedded: Embedded = None,
    format_: Format = None,
    field: SetField = None,
    time_field: TimeField = None,
    time: TimeOfFile = None,
    since: From = None,
    until: To = None,
    refilter: Refilter = False,
    dry_run: DryRun = False,
    sample: Sample = 3,
    restart: Restart = False,
    workers: Workers = None,
    rate: Rate = None,
    max_ratio: MaxRatio = 500,
    quiet: Quiet = False,
    data: DataFolder = None,
    ecs: EcsMode = None,
    pipeline_id: PipelineId = None,
    level: Level = None,
    style: Style = None,
) -> None:
    """Send archived logs through a configuration: its filters and outputs, with the archives in place of its inputs.

    Reads plain files, .gz, .zst, .bz2, .xz and tar of these: Filebeat's envelopes, raw lines, documents exported from
    Elasticsearch, our dead letters. Run again after Ctrl-C, SIGTERM, a crash or a power cut, the same command goes on
    where it was, and nothing is there twice.

    Exit codes: 0, all is delivered; 1, it was stopped, or failed while running; 2, wrong usage, a faulty configuration
    or a path that leads nowhere, before anything is sent; 3, an archive could not be read to its end, the others were.
    """
    from pipeline.commands.arguments import Arguments
    from pipeline.commands.replay_request import Request
    from pipeline.commands.replay_run import replay_archives

    flags = {
        "path.data": data,
        "pipeline.ecs_compatibility": ecs,
        "pipeline.id": pipeline_id,
        "pipeline.workers": workers,
        "log.level": "error" if quiet and level is None else level or "warn",
        "log.format": style,
    }
    request = Request(
        paths=paths,
        kind=format_,
        fields=field or [],
        time_field=time_field,
        time=time,
        since=since,
        until=until,
        refilter=refilter,
        rate=rate,
        max_ratio=max_ratio,
        sample=sample if dry_run else None,
        restart=restart,
        quiet=quiet,
    )
    raise typer.Exit(replay_archives(Arguments(config or [], text, settings, embedded, flags), request))
