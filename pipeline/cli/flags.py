"""The options that several commands share."""

from pathlib import Path
from typing import Annotated

import typer

Config = Annotated[
    list[str] | None,
    typer.Option("-f", "--path.config", metavar="CONF", help="A .conf file, a directory or a glob; may be repeated."),
]
SettingsFolder = Annotated[
    Path | None,
    typer.Option("--path.settings", metavar="DIR", help="The folder with logstash.yml."),
]
Embedded = Annotated[
    Path | None,
    typer.Option("--embedded", metavar="DIR", help="Write to the embedded store in DIR in place of Elasticsearch."),
]
DataFolder = Annotated[
    Path | None,
    typer.Option("--path.data", metavar="DIR", help="Where positions and dead letters are kept (data)."),
]
EcsMode = Annotated[
    str | None,
    typer.Option("--pipeline.ecs_compatibility", metavar="MODE", help="disabled, v1 or v8 (v8)."),
]
PipelineId = Annotated[
    str | None,
    typer.Option("--pipeline.id", metavar="ID", help="The pipeline's name in logs and dead letters (main)."),
]
Text = Annotated[
    str | None,
    typer.Option("-e", "--config.string", metavar="STRING", help="The text of a configuration."),
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
        print(version_line())
        raise typer.Exit


def version_line() -> str:
    """The name and the version of the program, as it is installed."""
    from importlib.metadata import version

    return f"apex-logs {version('apex-logs')}"


Version = Annotated[
    bool, typer.Option("-V", "--version", callback=_print_version, is_eager=True, help="Print the version.")
]
