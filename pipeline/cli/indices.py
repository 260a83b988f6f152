"""`apex-logs indices`: how much is where, and its upkeep. What the commands do is imported when they are called."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from pipeline.cli.search import Store
from pipeline.cli.setup import Authority, DryRun, LoginKey, Password, User

indices = typer.Typer(
    help="Lists the indices of the embedded store; checks them, drops old ones, gives back room.", rich_markup_mode=None
)


@indices.callback(invoke_without_command=True)
def list_indices(
    context: typer.Context,
    embedded: Store = Path("data"),
    as_json: Annotated[bool, typer.Option("--json", help="A list of index, documents, bytes.")] = False,
) -> None:
    """List the indices of the embedded store with their documents and bytes."""
    if context.invoked_subcommand is None:
        from pipeline.commands.indices import show

        raise typer.Exit(show(embedded, as_json))


@indices.command("check")
def check_indices(embedded: Store = Path("data")) -> None:
    """Check that every file is sound: its pages, its indexes, its words. 1 where one is not."""
    from pipeline.commands.indices import check

    raise typer.Exit(check(embedded))


@indices.command("vacuum")
def vacuum_indices(embedded: Store = Path("data")) -> None:
    """Write every file anew without its holes, which gives back the room of deleted documents."""
    from pipeline.commands.indices import vacuum

    raise typer.Exit(vacuum(embedded))


class By(StrEnum):
    """What the age of an index counts from."""

    CREATED = "created"
    NAME = "name"


@indices.command("expire")
def expire_indices(
    older: Annotated[str, typer.Option("--older-than", metavar="AGE", help="Drop what is older: 30d, 12h, 4w.")],
    by: Annotated[
        By, typer.Option("--by", help="Age since the index was made, or since the day in its name ended.")
    ] = By.CREATED,
    embedded: Store = Path("data"),
    hosts: Annotated[
        str | None, typer.Option("--elasticsearch", metavar="URLS", help="In these servers, not in the embedded store.")
    ] = None,
    index: Annotated[
        str, typer.Option("--index", metavar="GLOB", help="Only indices of that name, in Elasticsearch.")
    ] = "apex-logs-*",
    user: User = None,
    password: Password = None,
    login: LoginKey = None,
    authority: Authority = None,
    dry: DryRun = False,
) -> None:
    """Drop whole indices by their age. For the embedded store, and for clusters without lifecycle management.

    In Elasticsearch it needs view_index_metadata and delete_index on the indices. Data streams are left alone.
    """
    from pipeline.commands.cluster import Cluster
    from pipeline.commands.expire import Expiry, expire_embedded, expire_in_cluster

    wish = Expiry(older, by.value, dry)
    if hosts is None:
        raise typer.Exit(expire_embedded(embedded, wish))
    raise typer.Exit(expire_in_cluster(Cluster(hosts, user, password, login, authority), index, wish))
