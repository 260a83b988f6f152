"""Fixtures of the proofs."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.proofs import indices
from tests.servers.elasticsearch_node import Server


@pytest.fixture
def empty(elasticsearch: Server) -> Iterator[Server]:
    """The server without any index of ours, before and after."""
    indices.clear(elasticsearch.url)
    yield elasticsearch
    indices.clear(elasticsearch.url)


@pytest.fixture
def kept(empty: Server) -> Server:
    """The same, where it keeps its data over a kill."""
    if not hasattr(empty, "home"):
        pytest.skip("elasticsearch: only a local node keeps its data over a kill")
    return empty
