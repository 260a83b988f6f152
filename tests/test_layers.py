"""Imports point down only: the rooms of `pipeline/__init__.py`, as a test."""

from __future__ import annotations

import re
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

import pipeline
from tests.imports import imported

ROOT = Path(__file__).parent.parent

ROOMS = [
    {"errors", "metrics", "clock", "spans", "time_limits"},
    {"event", "dates"},
    {"field_reference", "java_text", "sprintf", "event_ids"},
    {"batch"},
    {"bus"},
    {"plugin", "options", "flow"},
    {"arrivals", "field_renaming", "field_setting", "name_lookups", "pulled", "schedules", "tls"},
    {"protocols", "grammar", "kql", "texts"},
    {"languages"},
    {"store", "disk"},
    {"stored_queue"},
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
    {"registry", "reference"},
    {"settings"},
    {"config", "delivery"},
    {"persistence"},
    {"running"},
    {"runtime"},
    {"monitoring"},
    {"pipelines"},
    {"front"},
    {"replay"},
    {"explore"},
    {"commands"},
    {"cli"},
]
"""From the bottom up; a module may import its own room, those beside it in a set, and those below. `config` and
`delivery` stand beside each other and do not know each other."""


def _imports(path: Path) -> set[str]:
    """The modules of the project that a file imports, dotted."""
    return {name for name in imported(path) if name.split(".")[0] in ("pipeline", "shippers", "mappings")}


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


def test_no_rooms_import_each_other_in_a_circle() -> None:
    """Not even those that stand beside each other."""
    below: dict[str, set[str]] = {}
    for path in _modules("pipeline"):
        room = path.relative_to(ROOT / "pipeline").with_suffix("").parts[0]
        below.setdefault(room, set()).update({_room(name) for name in _imports(path)} & RANK.keys() - {room})
    assert list(TopologicalSorter(below).static_order())


def test_every_room_is_in_the_drawing() -> None:
    drawing = set(re.findall(r"\w+", pipeline.__doc__ or ""))
    assert RANK.keys() - drawing == set()


def test_the_road_of_an_event_leads_through_files_that_are_there() -> None:
    _, _, road = (pipeline.__doc__ or "").partition("To follow an event")
    files = re.findall(r"[a-z_]+(?:/[a-z_]+)*\.py", road)
    assert len(files) > 10
    assert [file for file in files if not (ROOT / "pipeline" / file).is_file()] == []


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


def test_of_the_engine_commands_alone_import_shippers() -> None:
    for path in _modules("pipeline"):
        others = [name for name in _imports(path) if name.startswith("shippers")]
        assert not others or path.relative_to(ROOT).parts[1] == "commands", f"{path} imports {others}"


def test_mappings_import_nothing_of_the_engine() -> None:
    for path in _modules("mappings"):
        for name in _imports(path):
            assert name.split(".")[0] == "mappings", f"{path}: {name}"


def test_only_commands_import_mappings() -> None:
    for path in [*_modules("pipeline"), *_modules("shippers")]:
        if path.relative_to(ROOT).parts[:2] != ("pipeline", "commands"):
            assert not [name for name in _imports(path) if name.split(".")[0] == "mappings"], path
