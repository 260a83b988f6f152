"""`apex-logs dlq`: the commands for the dead letter queue. Each imports what it needs when it is called."""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

from pipeline.cli.flags import Config, DataFolder, EcsMode, Embedded, PipelineId, SettingsFolder

dlq = typer.Typer(
    help="Looks into the dead letter queue, sends letters again, and removes them.",
    no_args_is_help=True,
    rich_markup_mode=None,
)

Names = Annotated[list[str] | None, typer.Argument(metavar="[NAME]...", help="Names as `dlq list` gives them.")]
Plugin = Annotated[
    str | None,
    typer.Option("--plugin", metavar="TEXT", help="Only of a plugin: its name, its id, or part of its place."),
]
Reason = Annotated[
    str | None, typer.Option("--reason", metavar="TEXT", help="Only those whose reason holds the text, in any case.")
]
Since = Annotated[
    str | None,
    typer.Option("--since", metavar="TIME", help="Not older: 2026-02-03T04:05:06Z, or -7d, -2h, -15m, -30s."),
]
Until = Annotated[str | None, typer.Option("--until", metavar="TIME", help="Not younger; as --since.")]
Limit = Annotated[int | None, typer.Option("--limit", metavar="N", min=1, help="At most so many, the oldest.")]
Everything = Annotated[bool, typer.Option("--all", help="Every letter; needed where nothing else is given.")]
Json = Annotated[bool, typer.Option("--json", help="As JSON.")]


def _flags(data: Path | None, pipeline_id: str | None, **more: Any) -> Mapping[str, Any]:
    return {"path.data": data, "pipeline.id": pipeline_id, **more}


def _require(chosen: bool) -> None:
    if not chosen:
        raise typer.BadParameter("nothing is chosen: give names or --plugin, --reason, --since, --until; or --all")


@dlq.command("list")
def dlq_list(
    names: Names = None,
    plugin: Plugin = None,
    reason: Reason = None,
    since: Since = None,
    until: Until = None,
    limit: Limit = None,
    as_json: Annotated[bool, typer.Option("--json", help="Whole letters, one JSON object a line.")] = False,
    data: DataFolder = None,
    settings: SettingsFolder = None,
    pipeline_id: PipelineId = None,
) -> None:
    """List the dead letters, oldest first: name, time, plugin, reason."""
    from pipeline.commands.dlq_look import list_letters
    from pipeline.commands.dlq_selection import Selection

    selection = Selection.read(names, plugin, reason, since, until, limit)
    raise typer.Exit(list_letters(settings, _flags(data, pipeline_id), selection, as_json))


@dlq.command("show")
def dlq_show(
    name: Annotated[str, typer.Argument(help="The name that `dlq list` gives.")],
    data: DataFolder = None,
    settings: SettingsFolder = None,
    pipeline_id: PipelineId = None,
) -> None:
    """Show one dead letter whole: the reason, the item as it was sent, the original bytes and their origin."""
    from pipeline.commands.dlq_look import show_letter

    raise typer.Exit(show_letter(settings, _flags(data, pipeline_id), name))


@dlq.command("stats")
def dlq_stats(
    as_json: Json = False,
    data: DataFolder = None,
    settings: SettingsFolder = None,
    pipeline_id: PipelineId = None,
) -> None:
    """Count the dead letters by plugin and reason; say how old and how large they are, and what is damaged."""
    from pipeline.commands.dlq_look import show_stats

    raise typer.Exit(show_stats(settings, _flags(data, pipeline_id), as_json))


@dlq.command("export")
def dlq_export(
    names: Names = None,
    plugin: Plugin = None,
    reason: Reason = None,
    since: Since = None,
    until: Until = None,
    limit: Limit = None,
    output: Annotated[
        Path | None, typer.Option("-o", "--output", metavar="FILE", help="Write to a file in place of stdout.")
    ] = None,
    original: Annotated[
        bool, typer.Option("--original", help="The original lines alone, to be read by an input again.")
    ] = False,
    data: DataFolder = None,
    settings: SettingsFolder = None,
    pipeline_id: PipelineId = None,
) -> None:
    """Write whole letters, one JSON object a line, or their original lines. They stay in the queue."""
    from pipeline.commands.dlq_look import export_letters
    from pipeline.commands.dlq_selection import Selection

    selection = Selection.read(names, plugin, reason, since, until, limit)
    raise typer.Exit(export_letters(settings, _flags(data, pipeline_id), selection, output, original))


@dlq.command("purge")
def dlq_purge(
    names: Names = None,
    plugin: Plugin = None,
    reason: Reason = None,
    since: Since = None,
    until: Until = None,
    limit: Limit = None,
    everything: Everything = False,
    damaged: Annotated[
        bool, typer.Option("--damaged", help="Delete the segments that are damaged, with all that is in them.")
    ] = False,
    data: DataFolder = None,
    settings: SettingsFolder = None,
    pipeline_id: PipelineId = None,
) -> None:
    """Remove letters for good."""
    from pipeline.commands.dlq_change import purge_damaged, purge_letters
    from pipeline.commands.dlq_selection import Selection

    selection = Selection.read(names, plugin, reason, since, until, limit)
    flags = _flags(data, pipeline_id)
    if damaged:
        if selection.given or everything:
            raise typer.BadParameter("--damaged deletes whole segments: give it alone")
        raise typer.Exit(purge_damaged(settings, flags))
    _require(selection.given or everything)
    raise typer.Exit(purge_letters(settings, flags, selection))


@dlq.command("retry")
def dlq_retry(
    names: Names = None,
    config: Config = None,
    again: Annotated[
        bool, typer.Option("--again", help="With -f: send the items as they were, to the outputs that CONF has.")
    ] = False,
    output: Annotated[
        str | None,
        typer.Option("--output", metavar="ID", help="The output to send the items to, if it is another now."),
    ] = None,
    plugin: Plugin = None,
    reason: Reason = None,
    since: Since = None,
    until: Until = None,
    limit: Limit = None,
    everything: Everything = False,
    data: DataFolder = None,
    settings: SettingsFolder = None,
    embedded: Embedded = None,
    ecs: EcsMode = None,
    pipeline_id: PipelineId = None,
) -> None:
    """Deliver letters: with -f CONF, the originals run through CONF; without, the items are sent again as they were.

    Items go to the output that refused them, as path.config of the settings describes it, or with --again as CONF
    does. A letter is removed when it has been delivered, or has become a new letter; Ctrl-C leaves the rest.
    """
    from pipeline.commands.arguments import Arguments
    from pipeline.commands.dlq_retry import retry_letters
    from pipeline.commands.dlq_selection import Selection

    selection = Selection.read(names, plugin, reason, since, until, limit)
    _require(selection.given or everything)
    items = again or not config
    if output is not None and not items:
        raise typer.BadParameter("--output is for items: with -f CONF, CONF says where originals go; or add --again")
    flags = _flags(data, pipeline_id, **{"pipeline.ecs_compatibility": ecs})
    arguments = Arguments(config or [], None, settings, embedded, flags)
    raise typer.Exit(retry_letters(arguments, selection, items=items, output=output))
