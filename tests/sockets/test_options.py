"""Connections are bounded by what the process may have open."""

from __future__ import annotations

import resource

import pytest

from pipeline.sockets import options


@pytest.mark.parametrize(
    ("limit", "wanted", "taken"),
    [(1024, 10_000, 896), (100_000, 10_000, 10_000), (resource.RLIM_INFINITY, 10_000, 10_000), (64, 10_000, 1)],
)
def test_no_more_connections_than_descriptors(
    monkeypatch: pytest.MonkeyPatch, limit: int, wanted: int, taken: int
) -> None:
    monkeypatch.setattr(options.resource, "getrlimit", lambda kind: (limit, limit))
    warnings: list[str] = []
    assert options.affordable("beats", wanted, warnings.append) == taken
    assert [str(taken) in warning and "ulimit -n" in warning for warning in warnings] == [True] * (taken < wanted)
