"""Connections are bounded by what the process may have open."""

from __future__ import annotations

import resource
from dataclasses import replace
from pathlib import Path

import pytest

from pipeline.config.building import build
from pipeline.sockets import options
from tests.harness import context, planned


@pytest.mark.parametrize(
    ("limit", "wanted", "together", "taken"),
    [
        (1024, 10_000, 10_000, 896),
        (100_000, 10_000, 10_000, 10_000),
        (resource.RLIM_INFINITY, 10_000, 10_000, 10_000),
        (64, 10_000, 10_000, 1),
        (1128, 2000, 4000, 500),
        (1128, 600, 1200, 500),
        (1128, 500, 1000, 500),
    ],
)
def test_no_more_connections_than_descriptors(
    monkeypatch: pytest.MonkeyPatch, limit: int, wanted: int, together: int, taken: int
) -> None:
    monkeypatch.setattr(options.resource, "getrlimit", lambda kind: (limit, limit))
    warnings: list[str] = []
    surroundings = replace(context(warnings=warnings), connections=together)
    assert options.affordable("beats", wanted, surroundings) == taken
    assert [str(taken) in warning and "ulimit -n" in warning for warning in warnings] == [True] * (taken < wanted)
    assert all(("all inputs want" in warning) == (together > wanted) for warning in warnings)


def test_inputs_share_the_descriptors(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A client of tcp has one connection, whatever it might take as a server."""
    monkeypatch.setattr(options.resource, "getrlimit", lambda kind: (1128, 1128))
    text = """input {
        beats { port => 0 max_connections => 3000 }
        http { port => 0 max_connections => 500 }
        syslog { port => 0 max_connections => 499 }
        tcp { port => 1 mode => "client" }
        udp { port => 0 }
    }"""
    warnings: list[str] = []
    build(planned(text), context(tmp_path, warnings=warnings))
    said = [warning.partition(",")[0] for warning in warnings if "max_connections" in warning]
    assert said == [f"{name} connections are taken" for name in ("beats: 750", "http: 125", "syslog: 124")]
