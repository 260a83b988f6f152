"""Imports point down only: the rooms of `pipeline/__init__.py`, as a test."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent

ROOMS = [
    {"errors", "metrics", "clock", "spans", "time_limits"},
    {"event", "dates"},
    {"field_reference", "sprintf", "event_ids"},
    {"batch"},
    {"bus"},
    {"plugin", "options", "flow"},
    {"arrivals", "field_setting", "name_lookups", "pulled", "schedules", "tls"},
    {"protocols", "languages", "texts"},
    {"store", "disk"},
    {"sockets"},
    {
        "beats",
        "databases",
        "documents",
        "elasticsearch",
        "geoip",
        "http",
        "kafka",
        "loki",
        "rabbitmq",
        "redis",
        "syslog",
        "written",
    },
    {"search"},
    {"inputs", "filters", "outputs", "codecs"},
    {"registry", "option_words", "reference", "distribution", "former_options", "compatibility"},
    {"config", "delivery"},
    {"persistence"},
    {"running"},
    {"runtime"},
    {"monitoring"},
    {"pipelines"},
    {"front"},
    {"replay"},
    {"cli", "explore"},
]
"""From the bottom up; a module may import its own room, those beside it in a set, and those below. `config` and
`delivery` stand beside each other and do not know each other."""


def _imports(path: Path) -> set[str]:
    """The modules of the project that a file imports, dotted."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found |= {node.module} | {f"{node.module}.{alias.name}" for alias in node.names}
    return {name for name in found if name.split(".")[0] in ("pipeline", "shippers", "mappings")}


def _modules(package: str) -> list[Path]:
    return sorted((ROOT / package).rglob("*.py"))


def _room(dotted: str) -> str | None:
    parts = dotted.split(".")
    return parts[1] if len(parts) > 1 else None


RANK = {room: rank for rank, rooms in enumerate(ROOMS) for room in rooms}


@pytest.mark.parametrize("path", _modules("pipeline"), ids=lambda path: str(path.relative_to(ROOT)))
def test_imports_point_down(path: Path) -> None:
    inside = path.relative_to(ROOT / "pipeline").with_suffix("").parts
    room = inside[0]
    if room == "__init__":
        return
    assert room in RANK, f"{room} has no place among the rooms"
    for name in _imports(path):
        other = _room(name)
        if other is None or other == room or other not in RANK:
            continue
        assert RANK[other] < RANK[room] or (RANK[other] == RANK[room] and room not in ("config", "delivery")), (
            f"{path} imports {name}"
        )


@pytest.mark.parametrize("kind", ["inputs", "filters", "outputs", "codecs"])
def test_plugins_do_not_import_each_other(kind: str) -> None:
    for path in _modules(f"pipeline/{kind}"):
        others = [name for name in _imports(path) if _room(name) in ("inputs", "filters", "outputs", "codecs")]
        assert others == [], f"{path} imports {others}"


def test_shippers_import_protocols_and_disk_alone() -> None:
    """And the errors that these raise."""
    for path in _modules("shippers"):
        for name in _imports(path):
            known = ("protocols", "disk", "errors", None)
            assert name.split(".")[0] == "shippers" or _room(name) in known, f"{path}: {name}"


def test_of_the_engine_the_command_line_alone_imports_shippers() -> None:
    for path in _modules("pipeline"):
        others = [name for name in _imports(path) if name.startswith("shippers")]
        assert not others or path.relative_to(ROOT).parts[1] == "cli", f"{path} imports {others}"


def test_mappings_import_nothing_of_the_engine() -> None:
    for path in _modules("mappings"):
        for name in _imports(path):
            assert name.split(".")[0] == "mappings", f"{path}: {name}"


def test_only_commands_import_mappings() -> None:
    for path in [*_modules("pipeline"), *_modules("shippers")]:
        if path.relative_to(ROOT).parts[:2] != ("pipeline", "cli"):
            assert not [name for name in _imports(path) if name.split(".")[0] == "mappings"], path
