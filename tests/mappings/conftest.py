"""A node of its own: the templates are for names that other tests use too."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

import pytest

from tests.cli.program import invoke
from tests.mappings.workbench import SAMPLE, enveloped, shipped
from tests.servers import elasticsearch_node
from tests.servers.skipping import or_skip


@pytest.fixture(scope="session")
def node(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of an Elasticsearch in which `setup elasticsearch` was run."""
    with or_skip("elasticsearch"), elasticsearch_node.started(tmp_path_factory.mktemp("mapped")) as started:
        code, out, err = invoke("setup", "elasticsearch", "--hosts", started.url, "--data-stream")
        assert (code, err) == (0, ""), out
        yield started.url


@pytest.fixture(scope="session")
def sample(node: str, tmp_path_factory: pytest.TempPathFactory) -> str:
    """The index that holds the sample which `make run` ships."""
    index = f"apex-logs-sample-{datetime.now(UTC):%Y.%m.%d}"
    events, offset = [], 0
    for line in SAMPLE.read_text().splitlines():
        events.append(enveloped(line, offset))
        offset += len(line) + 1
    shipped(node, events, tmp_path_factory.mktemp("sample"), index, "disabled")
    return index
