"""The command `apex-logs indices expire`. What it needs is imported when it is called."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from pipeline.cli.setup import Authority, DryRun, LoginKey, Password, User

Store = Annotated[Path, typer.Option("--embedded", metavar="DIR", help="The embedded store.")]


class By(StrEnum):
    """What the age of an index counts from."""

    CREATED = "created"
    NAME = "name"


def expire(
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
    from pipeline.cli.cluster import Cluster
    from pipeline.cli.expire import Expiry, expire_embedded, expire_indices

    wish = Expiry(older, by.value, dry)
    if hosts is None:
        raise typer.Exit(expire_embedded(embedded, wish))
    raise typer.Exit(expire_indices(Cluster(hosts, user, password, login, authority), index, wish))
