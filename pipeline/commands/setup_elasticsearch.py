"""`apex-logs setup elasticsearch`: templates, lifecycle, roles and a key, made in a cluster; a line for each change.

Exit codes: 0 all is as it should be, or would be; 1 no server answers, or one refuses; 2 an option cannot be used.
"""

from __future__ import annotations

import asyncio
import sys
from dataclasses import dataclass

from mappings import access, templates
from mappings.lifecycle import policy
from mappings.resources import Resource, differences, wanted
from pipeline.commands.cluster import Cluster, Connection, Refused, connected
from pipeline.errors import ConfigurationError, Unavailable

_SIMULATE = "/_index_template/_simulate"
_KEYS = f"/_security/api_key?name={access.WRITER}"


@dataclass(frozen=True, slots=True)
class Wish:
    """What the command was given."""

    cluster: Cluster
    retention: str
    stream: bool = False
    key: bool = False
    dry: bool = False


def run(wish: Wish) -> int:
    """Does it, or says what it would do; returns the exit code."""
    try:
        policy(wish.retention)
        asyncio.run(_set_up(wish))
    except (ConfigurationError, ValueError) as error:
        print(error, file=sys.stderr)
        return 2
    except (Refused, Unavailable) as error:
        print(error, file=sys.stderr)
        return 1
    return 0


async def _set_up(wish: Wish) -> None:
    async with connected(wish.cluster) as connection:
        server = await known(connection)
        changes = 0
        for resource in wanted(server, wish.retention, stream=wish.stream, roles=wish.key):
            changes += await _brought_about(connection, resource, wish.dry)
        if wish.key:
            changes += await _key(connection, wish.dry)
        if not changes:
            print("nothing to change")
        elif wish.dry:
            print(f"{changes} to change; nothing was changed")


async def known(connection: Connection) -> templates.Server:
    """What the server knows, asked by simulation, and said where it is less than all; raises `Refused`."""
    privilege = access.NEEDED["templates"]
    if not await connection.takes("POST", _SIMULATE, templates.probe(templates.NEEDED), privilege):
        raise Refused("this server has no fields with dots in their names: Elasticsearch 8.3 or newer is needed")
    unknown = []
    for name, content in templates.PROBES.items():
        if not await connection.takes("POST", _SIMULATE, templates.probe(content), privilege):
            unknown.append(name)
            print(f"this server does not know {name}: {templates.INSTEAD[name]}")
    lifecycle = await connection.has(f"/_ilm/policy/{templates.DAILY}", access.NEEDED["lifecycle"])
    if not lifecycle:
        print("this server has no lifecycle management: run `apex-logs indices expire --elasticsearch URL` daily")
    return templates.known(unknown, lifecycle)


async def _brought_about(connection: Connection, resource: Resource, dry: bool) -> int:
    """Makes or changes one thing, unless it is as it should be; returns how many changes that is."""
    found = await connection.look(resource.path, resource.privilege)
    if found is None:
        print(f"{resource}: {'would create' if dry else 'create'}")
    else:
        lines = differences(resource, found)
        if not lines:
            print(f"{resource}: as it should be")
            return 0
        print(f"{resource}: {'would change' if dry else 'change'}")
        for line in lines:
            print(f"    {line}")
    if not dry:
        await connection.change("PUT", resource.path, resource.body, resource.privilege)
    return 1


async def _key(connection: Connection, dry: bool) -> int:
    privilege = access.NEEDED["roles"]
    found = await connection.look(_KEYS, privilege)
    there = access.valid(found) if found else []
    if there:
        print(f"API key {access.WRITER}: there is one, {there[0]}; to have a new one, invalidate it first")
        return 0
    if dry:
        print(f"API key {access.WRITER}: would create")
        return 1
    made = await connection.change("POST", "/_security/api_key", access.key(), privilege)
    print(f"API key {access.WRITER}: create; it is shown this once, for `api_key` of the elasticsearch output:")
    print(access.shown(made))
    return 1
