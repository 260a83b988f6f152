"""The commands of `apex-logs`. Each imports what it needs when it is called, so that `--help` is quick."""

import os
from pathlib import Path
from typing import Annotated

import typer

from pipeline.cli import search_commands
from pipeline.cli.dlq import dlq
from pipeline.cli.expire_command import expire
from pipeline.cli.explore_command import explore
from pipeline.cli.flags import Config, DataFolder, EcsMode, Embedded, PipelineId, SettingsFolder
from pipeline.cli.replay import replay
from pipeline.cli.setup import setup

app = typer.Typer(
    name="apex-logs",
    help="Runs a Logstash configuration unchanged. Delivered means delivered.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.add_typer(dlq, name="dlq")
search_commands.indices.command("expire")(expire)
app.add_typer(search_commands.indices, name="indices")
for command in (search_commands.search, search_commands.tail, search_commands.stats, explore):
    app.command()(command)
app.add_typer(setup, name="setup")
queue = typer.Typer(help="Looks into the queue on disk, and repairs it.", no_args_is_help=True, rich_markup_mode=None)
app.add_typer(queue, name="queue")

Text = Annotated[
    str | None,
    typer.Option("-e", "--config.string", metavar="STRING", help="The text of a configuration."),
]
Level = Annotated[
    str | None,
    typer.Option("--log.level", metavar="LEVEL", help="trace, debug, info, warn, error or fatal (info)."),
]
Style = Annotated[
    str | None,
    typer.Option("--log.format", metavar="FORMAT", help="plain or json (plain)."),
]
Escapes = Annotated[
    bool | None,
    typer.Option("--config.support_escapes", help='Read \\n, \\t and \\" in strings as escapes.'),
]


def _print_version(wanted: bool) -> None:
    if wanted:
        version()
        raise typer.Exit


Version = Annotated[
    bool, typer.Option("-V", "--version", callback=_print_version, is_eager=True, help="Print the version.")
]


@app.callback()
def apex_logs(version: Version = False) -> None:
    """Runs a Logstash configuration unchanged. Delivered means delivered."""


@app.command(context_settings={"allow_extra_args": True, "ignore_unknown_options": True})
def run(
    context: typer.Context,
    config: Config = None,
    text: Text = None,
    settings: SettingsFolder = None,
    embedded: Embedded = None,
    data: DataFolder = None,
    ecs: EcsMode = None,
    test: Annotated[
        bool, typer.Option("-t", "--config.test_and_exit", help="Check the configuration, and do not run it.")
    ] = False,
    level: Level = None,
    style: Style = None,
    escapes: Escapes = None,
    pipeline_id: PipelineId = None,
    delay: Annotated[
        int | None,
        typer.Option("-u", "--pipeline.batch.delay", metavar="MS", help="How long a body waits to fill (50)."),
    ] = None,
    reload: Annotated[
        bool | None, typer.Option("-r", "--config.reload.automatic", help="Reload when the configuration changes.")
    ] = None,
    interval: Annotated[
        str | None, typer.Option("--config.reload.interval", metavar="SECONDS", help="How often to look (3 s).")
    ] = None,
    workers: Annotated[
        int | None,
        typer.Option("-w", "--workers", "--pipeline.workers", metavar="N", help="How many processes work (1)."),
    ] = None,
    batch: Annotated[
        int | None,
        typer.Option("-b", "--pipeline.batch.size", hidden=True),
    ] = None,
    version: Version = False,
) -> None:
    """Run a configuration until its inputs end, or until Ctrl-C or SIGTERM, which drain; a second one stops at once.

    SIGHUP reloads the configuration, and keeps the running one if the new one has a fault. Logstash's other flags are
    taken too, with a warning where they change nothing.
    """
    from pipeline.cli.arguments import Arguments
    from pipeline.cli.logstash_flags import settings_of
    from pipeline.cli.run import run_pipeline

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


app.command()(replay)


@app.command()
def check(
    config: Config = None,
    text: Text = None,
    settings: SettingsFolder = None,
    embedded: Embedded = None,
    ecs: EcsMode = None,
    escapes: Escapes = None,
) -> None:
    """Check a configuration: every fault at once, with its place; and what would surprise. Runs nothing."""
    from pipeline.cli.arguments import Arguments
    from pipeline.cli.check import check_configuration

    flags = {"pipeline.ecs_compatibility": ecs, "config.support_escapes": escapes}
    raise typer.Exit(check_configuration(Arguments(config or [], text, settings, embedded, flags)))


@app.command()
def explain(
    event: Annotated[
        Path | None, typer.Option("--event", metavar="FILE", help="One event as JSON, or a raw line; - is stdin.")
    ] = None,
    line: Annotated[
        str | None, typer.Option("--line", metavar="TEXT", help="A line, as an input of the configuration takes it.")
    ] = None,
    input_: Annotated[
        str | None, typer.Option("--input", metavar="NAME", help="With --line: the input, by its name or id.")
    ] = None,
    config: Config = None,
    text: Text = None,
    settings: SettingsFolder = None,
    ecs: EcsMode = None,
    escapes: Escapes = None,
    pipeline_id: PipelineId = None,
) -> None:
    """Show what a configuration does to one event, plugin by plugin, with the lines of the configuration."""
    from pipeline.cli.arguments import Arguments
    from pipeline.cli.explain import Given, explain_event

    if (event is None) == (line is None):
        raise typer.BadParameter("give --event FILE or --line TEXT")

    flags = {"pipeline.ecs_compatibility": ecs, "config.support_escapes": escapes, "pipeline.id": pipeline_id}
    raise typer.Exit(explain_event(Arguments(config or [], text, settings, None, flags), Given(event, line, input_)))


@app.command("test")
def run_test(
    files: Annotated[list[Path], typer.Argument(metavar="FILE", help="Case files, or folders of them (*.yml).")],
) -> None:
    """Run case files: a configuration, lines in, events out; print what is not as expected."""
    from pipeline.cli.test import run_cases

    raise typer.Exit(run_cases(files))


@app.command()
def ship(
    configuration: Annotated[Path, typer.Option("-c", "--config", metavar="FILE", help="Such as shippers/node.toml.")],
    once: Annotated[bool, typer.Option("--once", help="Ship what is there; end when it is acknowledged.")] = False,
    test: Annotated[bool, typer.Option("-t", "--test", help="Check the configuration, and do not ship.")] = False,
) -> None:
    """Follow files and ship their lines, as Filebeat does, until SIGTERM or Ctrl-C, which drain.

    Exit codes: 0, all went well; 1, something failed while it ran, --once was stopped before all was acknowledged, or
    positions could not be saved; 2, wrong usage or a faulty configuration.
    """
    from pipeline.cli.ship import ship_files

    raise typer.Exit(ship_files(configuration, once=once, test=test))


@app.command()
def plugins(
    name: Annotated[
        str | None,
        typer.Argument(help="A plugin: geoip, or filter/geoip where several kinds have that name."),
    ] = None,
) -> None:
    """List the plugins, or print the reference page of one."""
    from pipeline.cli.plugins import show

    raise typer.Exit(show(name))


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
    from pipeline.cli.queue import inspect_queue

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
    from pipeline.cli.queue import repair_queue

    flags = {"path.data": data, "path.queue": folder, "pipeline.id": pipeline_id, "queue.type": "persisted"}
    raise typer.Exit(repair_queue(settings, flags))


@app.command()
def version() -> None:
    """Print the version."""
    from importlib.metadata import version as installed

    print(f"apex-logs {installed('apex-logs')}")


def main() -> None:
    """The entry point."""
    # A search of all installed packages for plugins of pydantic, of which we use none.
    os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "__all__")
    app()
