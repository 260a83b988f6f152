"""The commands of `apex-logs`, put together. What they do is imported when they are called."""

import os
from pathlib import Path
from typing import Annotated

import typer

from pipeline.cli.dlq import dlq
from pipeline.cli.explore import explore
from pipeline.cli.flags import (
    Config,
    EcsMode,
    Embedded,
    Escapes,
    PipelineId,
    SettingsFolder,
    Text,
    Version,
    version_line,
)
from pipeline.cli.indices import indices
from pipeline.cli.queue import queue
from pipeline.cli.replay import replay
from pipeline.cli.run import run
from pipeline.cli.search import search, stats, tail
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
app.command(context_settings={"allow_extra_args": True, "ignore_unknown_options": True})(run)
for command in (replay, search, tail, stats, explore):
    app.command()(command)
for group, name in ((dlq, "dlq"), (queue, "queue"), (indices, "indices"), (setup, "setup")):
    app.add_typer(group, name=name)


@app.callback()
def apex_logs(version: Version = False) -> None:
    """Runs a Logstash configuration unchanged. Delivered means delivered."""


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
    from pipeline.commands.arguments import Arguments
    from pipeline.commands.check import check_configuration

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
    from pipeline.commands.arguments import Arguments
    from pipeline.commands.explain import Given, explain_event

    if (event is None) == (line is None):
        raise typer.BadParameter("give --event FILE or --line TEXT")

    flags = {"pipeline.ecs_compatibility": ecs, "config.support_escapes": escapes, "pipeline.id": pipeline_id}
    raise typer.Exit(explain_event(Arguments(config or [], text, settings, None, flags), Given(event, line, input_)))


@app.command("test")
def run_test(
    files: Annotated[list[Path], typer.Argument(metavar="FILE", help="Case files, or folders of them (*.yml).")],
) -> None:
    """Run case files: a configuration, lines in, events out; print what is not as expected."""
    from pipeline.commands.test import run_cases

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
    from pipeline.commands.ship import ship_files

    raise typer.Exit(ship_files(configuration, once=once, test=test))


@app.command()
def plugins(
    name: Annotated[
        str | None,
        typer.Argument(help="A plugin: geoip, or filter/geoip where several kinds have that name."),
    ] = None,
) -> None:
    """List the plugins, or print the reference page of one."""
    from pipeline.commands.plugins import show

    raise typer.Exit(show(name))


@app.command()
def version() -> None:
    """Print the version."""
    print(version_line())


def main() -> None:
    """The entry point of the program `apex-logs`."""
    # A search of all installed packages for plugins of pydantic, of which we use none.
    os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "__all__")
    app()
