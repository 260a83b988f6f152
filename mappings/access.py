"""The least that a program needs to write these indices, and a person to read them."""

from __future__ import annotations

from typing import Any

from mappings.templates import DAILY_PATTERN, MADE_BY, STREAM_PATTERN

WRITER, READER = "apex-logs-writer", "apex-logs-reader"
_NAMES = [DAILY_PATTERN, STREAM_PATTERN]

NEEDED = {
    "templates": "manage_index_templates",
    "lifecycle": "manage_ilm",
    "roles": "manage_security",
}
"""The cluster privilege that each part of the set-up needs."""


def writer() -> dict[str, Any]:
    """The role of the pipeline: creates documents and the indices for them; reads, changes and deletes nothing.

    `monitor` is for the server's version, which the elasticsearch output asks for.
    """
    may = ["auto_configure", "create_doc"]
    return {"cluster": ["monitor"], "indices": [{"names": _NAMES, "privileges": may}]}


def reader() -> dict[str, Any]:
    """The role of an analyst."""
    return {"cluster": [], "indices": [{"names": _NAMES, "privileges": ["read", "view_index_metadata"]}]}


def key() -> dict[str, Any]:
    """A request for an API key that may do what the writer may."""
    return {"name": WRITER, "role_descriptors": {WRITER: writer()}, "metadata": MADE_BY}


def valid(answer: dict[str, Any]) -> list[str]:
    """The ids of the keys of that name that are still good, of an answer to `GET /_security/api_key`."""
    return [each["id"] for each in answer["api_keys"] if each["name"] == WRITER and not each["invalidated"]]


def shown(made: dict[str, Any]) -> str:
    """A new key as the option `api_key` of the elasticsearch output takes it."""
    return f"{made['id']}:{made['api_key']}"
