"""`apex-logs setup`: what others need to have before the pipeline runs. Each command imports what it needs."""

from pathlib import Path
from typing import Annotated

import typer

setup = typer.Typer(
    help="Makes what the pipeline needs elsewhere.",
    no_args_is_help=True,
    rich_markup_mode=None,
)

Hosts = Annotated[
    str, typer.Option("--hosts", envvar="ELASTICSEARCH_HOSTS", metavar="URLS", help="The servers, with commas between.")
]
User = Annotated[str | None, typer.Option("--user", envvar="ELASTICSEARCH_USER", help="The user to log in as.")]
Password = Annotated[
    str | None, typer.Option("--password", envvar="ELASTICSEARCH_PASSWORD", help="Better given in the environment.")
]
LoginKey = Annotated[
    str | None,
    typer.Option("--login-key", envvar="ELASTICSEARCH_API_KEY", help="An API key to log in with; only over TLS."),
]
Authority = Annotated[
    Path | None, typer.Option("--cacert", envvar="ELASTICSEARCH_CA", metavar="FILE", help="The authority, as PEM.")
]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Say what would change, and change nothing.")]


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
    from pipeline.commands.setup_kafka import Wish, run

    raise typer.Exit(run(Wish(layout, bootstrap, client, copies, wait, dry)))


@setup.command("elasticsearch")
def setup_elasticsearch(
    hosts: Hosts = "http://localhost:9200",
    user: User = None,
    password: Password = None,
    login: LoginKey = None,
    authority: Authority = None,
    retention: Annotated[
        str, typer.Option("--retention", metavar="AGE", help="When an index is deleted: 30d, 12h.")
    ] = "30d",
    stream: Annotated[
        bool, typer.Option("--data-stream", help="Also the template of the data stream logs-apex-default.")
    ] = False,
    key: Annotated[
        bool, typer.Option("--api-key", help="Also the roles, and an API key for the pipeline, shown once.")
    ] = False,
    wait: Annotated[
        float, typer.Option("--wait", min=0, metavar="SECONDS", help="How long servers may take to come up (0).")
    ] = 0.0,
    dry: DryRun = False,
) -> None:
    """Make the templates and the lifecycle policy of apex-logs-*. Run again, it changes nothing.

    Needs the cluster privileges manage_index_templates and manage_ilm; for --api-key also manage_security.
    """
    from pipeline.commands.cluster import Cluster
    from pipeline.commands.setup_elasticsearch import Wish, run

    cluster = Cluster(hosts, user, password, login, authority, wait)
    raise typer.Exit(run(Wish(cluster, retention, stream, key, dry)))


@setup.command("kibana")
def setup_kibana(
    kibana: Annotated[
        str, typer.Option("--kibana", envvar="KIBANA_URL", metavar="URL", help="Where Kibana is.")
    ] = "http://localhost:5601",
    space: Annotated[str | None, typer.Option("--space", help="The space; the default one if it is not given.")] = None,
    jaeger: Annotated[
        str, typer.Option("--jaeger", envvar="JAEGER_URL", metavar="URL", help="Where the links of trace ids lead.")
    ] = "http://localhost:16686",
    user: User = None,
    password: Password = None,
    login: LoginKey = None,
    authority: Authority = None,
    dry: DryRun = False,
) -> None:
    """Import the data view, searches, panels and dashboard. Run again, it changes nothing.

    Needs the Kibana privilege Saved Objects Management, All, in the space.
    """
    from pipeline.commands.setup_kibana import Kibana, run

    raise typer.Exit(run(Kibana(kibana, space, user, password, login, authority), jaeger.rstrip("/"), dry))
