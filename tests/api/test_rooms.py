"""The API's imports point down only: the rooms of its package's docstring, as a test."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.imports import imported

ROOT = Path(__file__).parents[2]
API = ROOT / "services" / "api" / "src" / "apex" / "api"
ROOMS = [
    {"cabinets", "settings"},
    {"tracing", "error_tracking", "metrics", "client_address"},
    {"logging"},
    {"database", "cache", "queue", "external", "asking"},
    {"calculations", "projects"},
    {"reports"},
    {"services"},
    {"requests", "errors"},
    {"endpoints"},
    {"application", "processes"},
    {"__main__", "worker"},
]
RANK = {room: rank for rank, rooms in enumerate(ROOMS) for room in rooms}


@pytest.mark.parametrize("path", sorted(API.rglob("*.py")), ids=lambda path: str(path.relative_to(API)))
def test_imports_point_down(path: Path) -> None:
    room = path.relative_to(API).with_suffix("").parts[0]
    if room == "__init__":
        return
    assert room in RANK, f"{room} has no place among the rooms"
    for name in imported(path):
        parts = name.split(".")
        assert parts[0] not in ("pipeline", "mappings", "bench", "tests"), name
        assert parts[0] != "shippers" or parts[:2] == ["shippers", "handlers"] or name == "shippers", name
        if parts[:2] == ["apex", "api"] and len(parts) > 2 and parts[2] in RANK:
            assert RANK[parts[2]] <= RANK[room], f"{room} imports {name}"


@pytest.mark.parametrize("package", ["pipeline", "shippers", "mappings"])
def test_nothing_imports_the_api(package: str) -> None:
    """The core needs none of what the extra `api` brings."""
    for path in (ROOT / package).rglob("*.py"):
        assert not {name for name in imported(path) if name.split(".")[0] == "apex"}, path
