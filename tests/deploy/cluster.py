"""Elasticsearch nodes with the settings of the manifests: the file of the ConfigMap, and the container's variables.

The official image takes variables that look like settings for settings. Addresses, ports and folders become this
machine's; everything else is as it will be in the cluster. The nodes are 8.19 of the same major version as 8.11.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import yaml

from tests.deploy.manifests import Objects
from tests.servers.elasticsearch_files import Files, files
from tests.servers.elasticsearch_node import _LOGGING, _USERS, LocalNode, free_port

NODES = 3


class Node(LocalNode):
    """A node with settings of ours, whole."""

    def __init__(self, folder: Path, made: Files, settings: Mapping[str, str], tls: Path | None) -> None:
        folder.mkdir()
        self._given, self._tls = settings, tls
        super().__init__(folder, made, [], secure=tls is not None)
        self.port = int(settings["http.port"])
        self.url = f"{'https' if tls else 'http'}://localhost:{self.port}"

    def _configure(self, settings: object, secure: bool) -> None:
        config = self.home / "config"
        config.mkdir(parents=True)
        (self.home / "logs").mkdir()
        for name in ("modules", "plugins"):
            (self.home / name).symlink_to(self._files.folder / name)
        self._link_zstd()
        (config / "log4j2.properties").write_text(_LOGGING)
        (config / "elasticsearch.yml").write_text(yaml.safe_dump(dict(self._given)))
        if self._tls is not None:
            shutil.copytree(self._tls, config / "tls")
            for name in ("roles.yml", "role_mapping.yml"):
                shutil.copy(self._files.distribution / "config" / name, config)
            (config / "users").write_text(_USERS)
            (config / "users_roles").write_text("superuser:tester\n")


def settings_of(objects: Objects) -> dict[str, str]:
    """The settings of the manifests: those of the variables stand above those of the file."""
    file = yaml.safe_load(objects.config("elasticsearch-config")["elasticsearch.yml"])
    variables = objects.pods()["elasticsearch"].environment()
    return {**file, **{name: value for name, value in variables.items() if "." in name}}


@contextmanager
def started(folder: Path, objects: Objects, tls: Path | None = None) -> Iterator[list[Node]]:
    """The three nodes, started side by side."""
    made = files(8)
    transports = [free_port() for _ in range(NODES)]
    nodes = []
    for number, transport in enumerate(transports):
        here = folder / f"elasticsearch-{number}"
        given = settings_of(objects) | {
            "node.name": f"elasticsearch-{number}",
            "network.host": "127.0.0.1",
            "http.port": str(free_port()),
            "transport.port": str(transport),
            "path.data": str(here / "home" / "data"),
            "path.logs": str(here / "home" / "logs"),
            "discovery.seed_hosts": ",".join(f"127.0.0.1:{port}" for port in transports),
            "cluster.routing.allocation.disk.threshold_enabled": "false",
        }
        nodes.append(Node(here, made, given, tls))
    try:
        with ThreadPoolExecutor(NODES) as threads:
            list(threads.map(lambda node: node.start(), nodes))
        yield nodes
    finally:
        for node in nodes:
            node.kill()
