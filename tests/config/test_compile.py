"""The control flow: which filters see which event, in which order, across every kind of cut."""

from __future__ import annotations

import asyncio
import traceback
from collections.abc import Hashable, Iterable, Iterator, Mapping, Sequence
from typing import Any

import pytest

from pipeline.config.built import BuiltFilter
from pipeline.config.check import plugins_in
from pipeline.config.compile import Parts, compile_flow
from pipeline.config.plan import arms_in
from pipeline.delivery.asking import settle
from pipeline.errors import ConfigurationError, FilterFailure
from pipeline.event import Event, add_tag
from pipeline.field_reference import FieldReference
from pipeline.flow import Continue, Flow
from pipeline.grammar import ast
from pipeline.grammar.parser import parse
from pipeline.grammar.sources import Source
from pipeline.plugin import Asking, Holding, PlainFilter, Spreading

Seen = list[str]


def mark(name: str) -> PlainFilter:
    """A filter that writes its name on the event; it matches unless the event says otherwise."""

    def run(event: Event) -> bool:
        if event.fields.get("fail") == name:
            raise FilterFailure(name)
        if event.fields.get("crash") == name:
            raise RuntimeError(name)
        event.fields["path"] = event.fields.get("path", "") + name
        return event.fields.get("unmatched") != name

    return run


def spread(event: Event) -> Iterable[Event]:
    for part in event.fields.get("parts", ""):
        child = event.clone()
        child.fields |= {"name": event.fields["name"] + part, part: True}
        yield child
    if event.fields.get("keep"):
        yield event


async def look_up(keys: Sequence[Hashable]) -> Mapping[Hashable, Any]:
    ASKED.append(list(keys))
    return {key: f"answer to {key}" for key in keys if key != "unknown"}


ASKED: list[list[Hashable]] = []


def answered(event: Event, answer: Any) -> bool:
    event.fields["answer"] = answer
    return answer is not None


class Held:
    """Holds every event until it is flushed."""

    def __init__(self) -> None:
        self.events: list[Event] = []

    def hold(self, event: Event) -> Iterable[Event]:
        self.events.append(event)
        return ()

    def flush(self, now: float, final: bool) -> Iterable[Event]:
        released, self.events = self.events, []
        return released


def compiled(text: str, trace: Any = None) -> tuple[Flow, Seen, list[str]]:
    """A flow of test filters: spread, ask, hold, and plain ones of any other name; outputs write what they see."""
    configuration, faults = parse([Source("t", text)])
    assert faults == []
    held = Held()
    kinds: dict[str, Any] = {
        "spread": Spreading(spread),
        "ask": Asking(lambda event: event.fields.get("key"), look_up, answered),
        "hold": Holding(held.hold, held.flush),
    }
    built: dict[int, BuiltFilter] = {}
    for node in plugins_in(configuration.body("filter")):
        decorate = (lambda event: add_tag(event, "decorated")) if node.options else None
        label = f"{node.name} at {node.span.place}"
        built[id(node)] = BuiltFilter(kinds.get(node.name, mark(node.name)), decorate, ("_failed",), label)
    conditions = {}
    for section in configuration.sections:
        for arm in arms_in(section.body):
            assert isinstance(arm.condition, ast.Truth)
            assert isinstance(arm.condition.operand, ast.Field)
            field = FieldReference(arm.condition.operand.text)
            conditions[id(arm)] = lambda event, field=field: bool(field.get(event))
    seen: Seen = []
    sinks: dict[int, Continue] = {}
    for node in plugins_in(configuration.body("output")):
        sinks[id(node)] = _sink(node.name, seen)
    errors: list[str] = []
    flows: list[Flow] = []

    def guard(proceed: Continue, event: Event) -> None:
        try:
            proceed(event)
        except Exception as error:
            errors.append(f"{error} in {flows[0].place_of(error)}")

    flows.append(
        compile_flow(
            Parts(configuration.body("filter"), configuration.body("output"), built, conditions, sinks), guard, trace
        )
    )
    return flows[0], seen, errors


def _sink(name: str, seen: Seen) -> Continue:
    return lambda event: seen.append(f"{name}:{event.fields['name']}:{event.fields.get('path', '')}")


def run(text: str, *events: dict[str, Any]) -> tuple[Seen, list[str]]:
    flow, seen, errors = compiled(text)

    async def go() -> None:
        def guard(proceed: Continue, event: Event) -> None:
            try:
                proceed(event)
            except Exception as error:
                errors.append(f"{error} in {flow.place_of(error)}")

        for ordinal, fields in enumerate(events):
            guard(flow.process, Event(dict(fields), None, ordinal))
        await settle(flow, guard)
        for holding, proceed in flow.flushes:
            for event in holding.flush(0, True):
                guard(proceed, event)
        await settle(flow, guard)

    asyncio.run(go())
    return seen, errors


PLAIN = (
    "filter { aa {} if [x] { bb {} if [y] { cc {} } else { dd {} } } else if [z] { ee {} } ff {} } output { out {} }"
)


@pytest.mark.parametrize(
    ("text", "events", "expected"),
    [
        (PLAIN, [{"name": "1"}], ["out:1:aaff"]),
        (PLAIN, [{"name": "1", "x": 1}], ["out:1:aabbddff"]),
        (PLAIN, [{"name": "1", "x": 1, "y": 1}], ["out:1:aabbccff"]),
        (PLAIN, [{"name": "1", "z": 1}], ["out:1:aaeeff"]),
        ("filter { } output { one {} two {} }", [{"name": "1"}], ["one:1:", "two:1:"]),
        ("output { if [x] { one {} } else { two {} } }", [{"name": "1", "x": 1}, {"name": "2"}], ["one:1:", "two:2:"]),
        ("filter { aa {} }", [{"name": "1"}], []),
        (
            "filter { aa {} spread {} bb {} } output { out {} }",
            [{"name": "1", "parts": "xy"}, {"name": "2", "parts": ""}, {"name": "3", "parts": "z", "keep": 1}],
            ["out:1x:aabb", "out:1y:aabb", "out:3z:aabb", "out:3:aabb"],
        ),
        (
            "filter { if [x] { spread {} bb {} } cc {} } output { out {} }",
            [{"name": "1", "parts": "xy", "x": 1}, {"name": "2"}],
            ["out:1x:bbcc", "out:1y:bbcc", "out:2:cc"],
        ),
        (
            "filter { spread {} spread {} }  output { out {} }",
            [{"name": "", "parts": "ab"}],
            ["out:aa:", "out:ab:", "out:ba:", "out:bb:"],
        ),
        ("filter { if [x] { spread {} } }  output { out {} }", [{"name": "1"}], ["out:1:"]),
        (
            "filter { aa {} ask {} bb {} } output { out {} }",
            [{"name": "1", "key": "k"}, {"name": "2"}, {"name": "3", "key": "k"}],
            ["out:1:aabb", "out:2:aabb", "out:3:aabb"],
        ),
        (
            "filter { if [x] { ask {} bb {} } else if [y] { cc {} } dd {} } output { out {} }",
            [{"name": "1"}, {"name": "2", "x": 1, "key": "k"}, {"name": "3", "y": 1}, {"name": "4", "x": 1}],
            ["out:1:dd", "out:2:bbdd", "out:3:ccdd", "out:4:bbdd"],
        ),
        (
            "filter { ask {} spread {} ask {} aa {} } output { out {} }",
            [{"name": "1", "key": "k", "parts": "ab"}, {"name": "2", "key": "l", "parts": "c"}],
            ["out:1a:aa", "out:1b:aa", "out:2c:aa"],
        ),
        (
            "filter { spread {} if [a] { ask {} } ask {} } output { out {} }",
            [{"name": "1", "key": "k", "parts": "ab"}, {"name": "2", "key": "l", "parts": "ba"}],
            ["out:1a:", "out:1b:", "out:2b:", "out:2a:"],
        ),
        (
            "filter { aa {} hold {} bb {} } output { out {} }",
            [{"name": "1"}, {"name": "2"}],
            ["out:1:aabb", "out:2:aabb"],
        ),
    ],
)
def test_every_event_takes_its_way(text: str, events: list[dict[str, Any]], expected: Seen) -> None:
    assert run(text, *events) == (expected, [])


def test_distinct_keys_are_asked_together_once() -> None:
    ASKED.clear()
    run(
        "filter { ask {} }", *({"name": str(n), "key": f"k{n % 3}"} for n in range(30)), {"name": "x", "key": "unknown"}
    )
    assert ASKED == [["k0", "k1", "k2", "unknown"]]


def test_common_options_apply_to_what_matched_alone() -> None:
    out: list[Event] = []
    flow, _, _ = compiled('filter { aa { x1 => "y" } } output { out {} }')
    for fields in ({"name": "1"}, {"name": "2", "unmatched": "aa"}, {"name": "3", "fail": "aa"}):
        event = Event(dict(fields))
        flow.process(event)
        out.append(event)
    assert [event.fields.get("tags") for event in out] == [["decorated"], None, ["_failed"]]


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"name": "1", "crash": "bb"}, ["bb in bb at t:1:18"]),
        ({"name": "1", "crash": "cc", "parts": "xy"}, ["cc in cc at t:1:34", "cc in cc at t:1:34"]),
    ],
)
def test_what_a_filter_raises_names_its_place(fields: dict[str, Any], expected: list[str]) -> None:
    seen, errors = run("filter { aa { } bb { } spread { } cc { } } output { out { } }", fields)
    assert seen == []
    assert [error.replace("t:1:17", "t:1:18").replace("t:1:35", "t:1:34") for error in errors] == expected


def test_a_look_up_that_fails_concerns_the_events_that_asked() -> None:
    async def broken(keys: Sequence[Hashable]) -> Mapping[Hashable, Any]:
        raise OSError("no network")

    asking = Asking(lambda event: event.fields.get("key"), broken, answered)
    configuration, _ = parse([Source("t", "filter { ask {} } output { out {} }")])
    [node] = plugins_in(configuration.body("filter"))
    [sink] = plugins_in(configuration.body("output"))
    seen: Seen = []
    failed: list[str] = []
    depths: list[int] = []

    def guard(proceed: Continue, event: Event) -> None:
        try:
            proceed(event)
        except OSError as error:
            failed.append(f"{event.fields['name']}: {error} in {flow.place_of(error)}")
            depths.append(len(traceback.extract_tb(error.__traceback__)))

    built, sinks = {id(node): BuiltFilter(asking, None, (), "ask")}, {id(sink): _sink("out", seen)}
    parts = Parts(configuration.body("filter"), configuration.body("output"), built, {}, sinks)
    flow = compile_flow(parts, guard)
    flow.process(Event({"name": "1", "key": "k"}))
    flow.process(Event({"name": "2"}))
    flow.process(Event({"name": "3", "key": "k"}))
    asyncio.run(settle(flow, guard))
    assert (seen, failed) == (["out:2:"], ["1: no network in ask", "3: no network in ask"])
    assert depths[0] == depths[1]  # one exception is raised for both, and does not grow with each


def test_the_trace_hears_of_every_plugin_and_condition() -> None:
    heard: list[tuple[str, str, bool]] = []

    class Trace:
        def step(self, node: ast.Plugin | ast.Arm, event: Event, flag: bool) -> None:
            name = node.name if isinstance(node, ast.Plugin) else f"if {node.condition.span.text}"
            heard.append((name, event.fields["name"], flag))

        def spread(self, node: ast.Plugin, event: Event, children: Sequence[Event]) -> Iterator[Event]:
            for child in children:
                heard.append((f"{node.name} of {event.fields['name']}", child.fields["name"], True))
                yield child

    flow, _, _ = compiled("filter { if [x] { aa {} } spread {} bb {} } output { out {} }", Trace())
    flow.process(Event({"name": "1", "x": 1, "parts": "ab"}))
    assert heard == [
        ("if [x]", "1", True),
        ("aa", "1", True),
        ("spread of 1", "1a", True),
        ("bb", "1a", True),
        ("spread of 1", "1b", True),
        ("bb", "1b", True),
    ]


def test_one_event_is_a_handful_of_calls() -> None:
    """The generated source holds no indirection: one line a filter and a condition."""
    flow, _, _ = compiled("filter { if [x] { aa {} } } output { out {} }")
    assert "for " not in flow.source
    assert flow.source.count("def ") == 2


def test_children_have_ids_of_their_own_and_the_same_ones_again() -> None:
    def ids() -> list[str]:
        seen: list[str] = []
        configuration, _ = parse([Source("t", "filter { spread {} spread {} } output { out {} }")])
        nodes = list(plugins_in(configuration.body("filter")))
        [sink] = plugins_in(configuration.body("output"))
        built = {id(node): BuiltFilter(Spreading(spread), None, None, "spread") for node in nodes}

        def collect(event: Event) -> None:
            seen.append(event.metadata["event_id"])

        parts = Parts(configuration.body("filter"), configuration.body("output"), built, {}, {id(sink): collect})
        flow = compile_flow(parts, _call)
        flow.process(Event({"name": "", "parts": "ab", "keep": 1}, {"event_id": "x"}))
        return seen

    first = ids()
    assert len(set(first)) == len(first) == 9
    assert "x" in first
    assert ids() == first


def _call(proceed: Continue, event: Event) -> None:
    proceed(event)


@pytest.mark.parametrize(
    ("outputs", "expected"),
    [("", ["1", "2"]), ("if [x] { out {} }", ["2"]), ("if [x] { out {} } else if [y] { out {} }", []), ("out {}", [])],
)
def test_events_that_reach_no_output_are_told_of(outputs: str, expected: list[str]) -> None:
    configuration, _ = parse([Source("t", f"output {{ {outputs} }}")])
    sinks = {id(node): _sink("out", []) for node in plugins_in(configuration.body("output"))}
    conditions = {}
    for arm in arms_in(configuration.body("output")):
        assert isinstance(arm.condition, ast.Truth)
        assert isinstance(arm.condition.operand, ast.Field)
        conditions[id(arm)] = lambda event, name=arm.condition.operand.text: name.strip("[]") in event.fields
    told: list[str] = []
    parts = Parts((), configuration.body("output"), {}, conditions, sinks)
    flow = compile_flow(parts, _call, unrouted=lambda event: told.append(event.fields["name"]))
    for fields in ({"name": "1", "x": 1}, {"name": "2", "y": 1}):
        flow.process(Event(dict(fields)))
    assert told == expected


def test_events_come_out_in_their_order_however_often_they_wait() -> None:
    text = "filter { if [x] { ask {} if [y] { ask {} } ask {} } else if [z] { ask {} } } output { out {} }"
    events = [
        {"name": str(n), "key": "k", **({"x": 1} if n % 3 == 0 else {}), **({"y": 1} if n % 2 else {})}
        for n in range(12)
    ]
    events += [{"name": "12", "key": "k", "z": 1}, {"name": "13"}]
    seen, errors = run(text, *events)
    assert ([line.split(":")[1] for line in seen], errors) == ([str(n) for n in range(14)], [])


def test_a_flow_that_python_cannot_compile_is_a_fault() -> None:
    chain = "if [a] { aa {} }" + " else if [b] { aa {} }" * 5000
    with pytest.raises(ConfigurationError, match="too many to be compiled"):
        compiled(f"filter {{ {chain} }} output {{ out {{}} }}")
