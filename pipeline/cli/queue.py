"""`apex-logs queue`: the commands for the queue on disk. What they do is imported when they are called."""

from pathlib import Path
from typing import Annotated

import typer

from pipeline.cli.flags import DataFolder, PipelineId, SettingsFolder

queue = typer.Typer(help="Looks into the queue on disk, and repairs it.", no_args_is_help=True, rich_markup_mode=None)

QueueFolder = Annotated[
    Path | None, typer.Option("--path.queue", metavar="DIR", help="Where queues are (queue under path.data).")
]


@queue.command("inspect")
def queue_inspect(
    data: DataFolder = None,
    folder: QueueFolder = None,
    settings: SettingsFolder = None,
    pipeline_id: PipelineId = None,
    records: Annotated[int, typer.Option("--records", min=0, metavar="N", help="Also the first N records.")] = 0,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object.")] = False,
) -> None:
    """Show the queue on disk: pages, records, what is delivered, and what is damaged. Changes nothing."""
    from pipeline.commands.queue import inspect_queue

    flags = {"path.data": data, "path.queue": folder, "pipeline.id": pipeline_id, "queue.type": "persisted"}
    raise typer.Exit(inspect_queue(settings, flags, records, as_json))


@queue.command("repair")
def queue_repair(
    data: DataFolder = None,
    folder: QueueFolder = None,
    settings: SettingsFolder = None,
    pipeline_id: PipelineId = None,
) -> None:
    """Repair a damaged queue that no process uses: what can be read is kept, damaged pages are moved aside."""
    from pipeline.commands.queue import repair_queue

    flags = {"path.data": data, "path.queue": folder, "pipeline.id": pipeline_id, "queue.type": "persisted"}
    raise typer.Exit(repair_queue(settings, flags))
