"""`apex-logs setup`: what others need to have before the pipeline runs. Each command imports what it needs."""

from pathlib import Path
from typing import Annotated

import typer

setup = typer.Typer(
    help="Makes what the pipeline needs elsewhere.",
    no_args_is_help=True,
    rich_markup_mode=None,
)


@setup.callback()
def _group() -> None:
    """Makes what the pipeline needs elsewhere."""


@setup.command("kafka")
def setup_kafka(
    layout: Annotated[Path, typer.Argument(metavar="FILE", help="The topics, such as shippers/kafka/topics.yaml.")],
    bootstrap: Annotated[
        str,
        typer.Option("--bootstrap-servers", envvar="KAFKA_BOOTSTRAP_SERVERS", metavar="HOSTS", help="host:port,..."),
    ] = "localhost:9092",
    client: Annotated[
        Path | None,
        typer.Option("--command-config", metavar="FILE", help="TLS and login, in a properties file as Kafka's tools."),
    ] = None,
    copies: Annotated[
        int | None,
        typer.Option("--replication-factor", min=1, metavar="N", help="Copies, in place of what the file says."),
    ] = None,
    wait: Annotated[
        float, typer.Option("--wait", min=0, metavar="SECONDS", help="How long brokers may take to answer (0).")
    ] = 0.0,
    dry: Annotated[bool, typer.Option("--dry-run", help="Say what would change, and change nothing.")] = False,
) -> None:
    """Make the topics of a file, or what is missing of them. Run again, it changes nothing."""
    from pipeline.cli.setup_kafka import Wish, run

    raise typer.Exit(run(Wish(layout, bootstrap, client, copies, wait, dry)))
