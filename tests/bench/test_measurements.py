"""Each measurement, on few events. What it asserts of the engine is its correctness; nothing here is about time."""

from __future__ import annotations

import json
from typing import Any

import pytest

from bench import replay, scaling, stages, startup
from bench.__main__ import CROWD, memory_figures, path_figures, start_figures
from bench.events import generate
from bench.expected import document
from bench.material import provide_database, read_windows
from bench.paths import PERSISTED, Bench, Load, Run, beats_to_sink, file_to_file, first_is_right, proof
from bench.processes import Tree

COUNT = 1000
EVENTS = generate(COUNT)
INDEX = "apex-logs-2026.11.23"
LOG = {"file": {"path": "/elsewhere"}, "offset": 0}
STAGES = {"decode", "filters", "render", "loop"}


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Bench:
    folder = tmp_path_factory.mktemp("bench")
    provide_database(folder)
    return Bench(folder, EVENTS)


def test_windows_are_read_as_they_were_written(bench: Bench) -> None:
    assert [events for events, _ in read_windows(bench.few)] == [5] * (COUNT // 5)
    assert [events for events, _ in read_windows(bench.windows)] == [COUNT]


def test_stages() -> None:
    found = stages.measure(200, 1)
    assert set(found) == {"anchor", "inflate, frames", "beats: by hand"} | {
        f"{kind}: {name}" for kind in ("beats", "file") for name in STAGES
    }


def test_file_to_file(bench: Bench) -> None:
    run = file_to_file(bench, Tree())
    assert 0 < run.events <= COUNT
    assert run.ratio > 0


def test_replay(bench: Bench) -> None:
    runs = [replay.replay_to_file(bench, Tree(), times) for times in (1, 2)]
    assert [0 < run.events <= COUNT * times for run, times in zip(runs, (1, 2), strict=True)] == [True, True]
    figures = {figure.name for figure in replay.replay_figures(runs[:1], runs[:1], runs)}
    assert "of the speed of run" in figures
    assert {figure.name for figure in replay.inflating(bench, 1)} >= {"isal", "isal / the standard library"}


@pytest.mark.parametrize(
    ("change", "index", "message"),
    [
        ({}, "apex-logs-2026.11.24", "2026.11.24"),
        ({"level": "odd"}, INDEX, "as expected"),
        ({"log": LOG}, INDEX, "not an event"),
    ],
)
def test_an_item_that_is_wrong_is_noticed(bench: Bench, change: dict[str, Any], index: str, message: str) -> None:
    found = document(EVENTS[0], beats=True)
    first_is_right(bench, _item(INDEX, found))
    with pytest.raises(AssertionError, match=message):
        first_is_right(bench, _item(index, found | change))


def _item(index: str, found: dict[str, Any]) -> str:
    return json.dumps({"create": {"_index": index}}) + "\n" + json.dumps(found)


def test_beats_to_a_slow_sink(bench: Bench) -> None:
    run = beats_to_sink(bench, Tree(), Load(delay=0.05), step=100)
    assert run.events == COUNT
    assert run.uss_peak > 0
    assert run.course[-1][0] == COUNT


def test_beats_through_the_persistent_queue(bench: Bench) -> None:
    run = beats_to_sink(bench, Tree(), PERSISTED)
    assert run.events == COUNT
    assert run.ratio > 0


@pytest.mark.parametrize("shape", [scaling.MANY, scaling.SINGLE])
def test_scaling(bench: Bench, shape: str) -> None:
    """One process and two workers; in both, all events come to the sink."""
    runs = {workers: [scaling.beats_scaled(bench, Tree(), workers, shape)] for workers in scaling.WORKERS}
    for [run] in runs.values():
        assert 0 < run.events <= COUNT
        assert run.memory > 0
        assert run.own > 0
    figures = list(scaling.scaling_figures(shape, runs))
    assert len({figure.name for figure in figures}) == len(figures) == 12


def test_shares_of_what_was_there() -> None:
    """Two workers that leave no core idle, at a tenth more CPU an event, have ten elevenths of the speed there was."""
    one, two = scaling.Scaled(100, 10.0, 10.0, 10.0), scaling.Scaled(100, 5.5, 11.0, 0.0)
    found = {figure.name: figure.value for figure in scaling.scaling_figures("x", {1: [one], 2: [two]})}
    assert found["of the speed that was there, one process"] == pytest.approx(0.5)
    assert found["of the speed that was there, two workers"] == pytest.approx(10 / 11)
    assert found["cores that it could have, one process"] == pytest.approx(2.0)
    assert found["events/s of wall, two / one"] == pytest.approx(10 / 5.5)
    assert found["CPU an event, two / one"] == pytest.approx(1.1)


def test_the_floor_in_two_processes() -> None:
    assert scaling.floor_scaling(0.01) > 0


def test_many_connections(bench: Bench) -> None:
    run = beats_to_sink(bench, Tree(), Load(("--connections", "20", "--every", "0.1", "--seconds", "0.4"), few=True))
    assert run.events > 20
    assert {figure.name for figure in path_figures(CROWD, [run])} >= {"bulk requests/s", "windows/s"}


def test_every_document(bench: Bench) -> None:
    assert proof(bench, Tree()) == COUNT


def test_more_events_than_there_were(bench: Bench) -> None:
    own = Bench(bench.folder, EVENTS[:10])
    own.longer(30)
    assert [events for events, _ in read_windows(own.windows)] == [30] == [own.count]


def test_start_up(bench: Bench) -> None:
    found = startup.measure(Tree(), bench.new_folder())
    assert min(found.values()) > 0
    assert {figure.name for figure in start_figures([found])} == set(found)


@pytest.mark.parametrize(("last", "flat"), [(101.0, True), (130.0, False)])
def test_growth_is_told(last: float, flat: bool) -> None:
    memories = [50.0, 100.0, 100.0, last, last]
    run = Run(500, 10.0, 5.0, last, last, course=[(at * 100, memory) for at, memory in enumerate(memories, 1)])
    (growth,) = (figure for figure in memory_figures(run) if figure.name.startswith("growth"))
    assert growth.missed is not flat
