"""What the engine expects of every filter, tried on the examples of its page: that no event goes uncounted."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from pipeline import registry
from pipeline.config.plan import Plan, make_plan
from pipeline.grammar import ast
from pipeline.grammar.sources import Source
from pipeline.metrics import Counters
from pipeline.plugin import Holding
from pipeline.reference.pages import examples
from pipeline.runtime import Pipeline
from pipeline.settings.logstash_yml import Settings
from tests.harness import FakeClock, ended, planned

EVENTS: list[dict[str, Any]] = [
    {"message": "a b c", "loglevel": "debug", "level": "debug", "response": {"items": [1, 2, 3]}},
    {"message": '{"id": 5}', "response": {"items": []}, "tags": ["x"]},
    {"message": "not json", "response": {"items": "one"}, "timestamp": "2026-11-25T10:00:00Z"},
    {"message": "", "response": 5},
    {},
]
ROUNDS = 20

FILTERS = [registry.find("filter", name) for name in registry.names("filter")]
EXAMPLES = {
    f"{module.name} {number}": text
    for module in FILTERS
    if module is not None
    for number, text in enumerate(examples(module.page))
    if "filter {" in text
}


def framed(example: str, folder: Path) -> Plan:
    """The filters of an example, between an input and one output."""
    inner = make_plan([Source("example", example)])
    lines = ", ".join(f"'{json.dumps(event)}'" for event in EVENTS)
    outer = planned(
        f"input {{ generator {{ lines => [{lines}] codec => json count => {ROUNDS} }} }}"
        f'output {{ file {{ path => "{folder}/out" }} }}'
    )
    filters = tuple(section for section in inner.configuration.sections if section.kind == "filter")
    return replace(
        outer,
        configuration=ast.Configuration((*filters, *outer.configuration.sections)),
        plugins={**inner.plugins, **outer.plugins},
        conditions={**inner.conditions, **outer.conditions},
    )


def run(plan: Plan, folder: Path, every: int) -> Counters:
    settings = Settings(path_data=folder / f"data{every}", plugin_timing_every=every)
    pipeline = Pipeline(settings, plan, FakeClock())
    asyncio.run(asyncio.wait_for(pipeline.run(), 30))
    return pipeline.counters


def test_every_filter_is_tried() -> None:
    assert {name.split(" ")[0] for name in EXAMPLES} == set(registry.names("filter"))


@pytest.mark.parametrize("example", EXAMPLES.values(), ids=EXAMPLES)
def test_in_and_made_are_what_has_ended(example: str, tmp_path: Path) -> None:
    counters = run(framed(example, tmp_path), tmp_path, 0)
    assert counters.decoded == len(EVENTS) * ROUNDS
    assert counters.decoded + counters.made == ended(counters)
    written = (tmp_path / "out").read_text().splitlines() if (tmp_path / "out").exists() else []
    assert counters.delivered == len(written)


@pytest.mark.parametrize("example", EXAMPLES.values(), ids=EXAMPLES)
def test_the_timed_twin_does_the_same(example: str, tmp_path: Path) -> None:
    plain = run(framed(example, tmp_path), tmp_path, 0).as_dict()
    (tmp_path / "out").unlink(missing_ok=True)
    counters = run(framed(example, tmp_path), tmp_path, 1)
    assert counters.as_dict() == plain or "percentage" in example
    assert counters.timed_events == len(EVENTS) * ROUNDS
    assert counters.decoded + counters.made == ended(counters)
    first, *_, output = counters.times
    assert (first.kind, output.kind, output.given) == ("filter", "output", counters.delivered)
    assert all(time.seconds > 0 for time in counters.times if time.taken)


def test_a_filter_that_holds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Three events become one, two are still held; and one that makes events of its own."""
    kept: list[Any] = []

    def hold(event: Any) -> list[Any]:
        kept.append(event)
        return [kept.pop(), kept.pop(), kept.pop()][:1] if len(kept) == 3 else []

    monkeypatch.setattr("pipeline.filters.drop.build", lambda options: Holding(hold, lambda now, final: ()))
    counters = run(framed("filter { drop {} }", tmp_path), tmp_path, 0)
    assert (counters.decoded, counters.delivered, counters.held, counters.made) == (100, 33, 67, 0)
    assert counters.decoded + counters.made == ended(counters)

    def sums(now: float, final: bool) -> list[Any]:
        return [kept[0].clone() for _ in range(5)] if final else []

    monkeypatch.setattr("pipeline.filters.drop.build", lambda options: Holding(lambda event: [event], sums))
    counters = run(framed("filter { drop {} }", tmp_path), tmp_path, 1)
    assert (counters.decoded, counters.delivered, counters.held, counters.made) == (100, 105, 0, 5)
