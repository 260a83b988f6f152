"""What `explain` tells is what `run` does: the traced pipeline and the bare one agree on any event."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pipeline.config.building import build, connect
from pipeline.config.compile import Trace
from pipeline.errors import ConfigurationError, Unjudged
from pipeline.event import Event, copied
from pipeline.flow import Continue
from pipeline.grammar import ast
from tests.harness import context, planned


class Silent:
    """A trace that tells nobody."""

    def step(self, node: ast.Plugin | ast.Arm, event: Event, flag: bool) -> None:
        pass

    def spread(self, node: ast.Plugin, event: Event, children: Sequence[Event]) -> Iterator[Event]:
        yield from children


_fields = st.sampled_from(
    ["[a]", "[b]", "[o][p]", "[o]", "[l][0]", "[tags]", "[@timestamp]", "[@metadata][m]", "[o][0]"]
)
_literals = st.sampled_from(['"x"', '"5"', "5", '""', '"false"', '"true"', "1.5", '"2026-11-25T10:00:00.000Z"', "'x'"])
_sides = st.one_of(_fields, _literals)
_simple = st.one_of(
    _fields,
    st.builds("{} {} {}".format, _sides, st.sampled_from(["==", "!=", "<", ">=", "in", "not in"]), _sides),
    st.builds('{} =~ "{}"'.format, _fields, st.sampled_from(["x", "^5$", "."])),
    st.builds('{} {} ["x", "5", 5]'.format, _fields, st.sampled_from(["in", "not in"])),
)
conditions = st.recursive(
    _simple,
    lambda inner: st.one_of(
        st.builds("({} {} {})".format, inner, st.sampled_from(["and", "or", "xor", "nand"]), inner),
        st.builds("!({})".format, inner),
    ),
    max_leaves=4,
)
_scalars = st.sampled_from(["x", "5", 5, 5.0, "", "false", "true", True, False, None, 1.5, "2026-11-25T10:00:00.000Z"])
_values = st.one_of(_scalars, st.lists(_scalars, max_size=2), st.dictionaries(st.sampled_from("p0"), _scalars))
documents = st.fixed_dictionaries(
    {"@timestamp": st.just("2026-11-25T10:00:00.000Z")},
    optional={"a": _values, "b": _values, "o": _values, "l": _values, "tags": st.sampled_from(["x", ["x", "5"], []])},
)

CONFIGURATION = """
filter {{
  if {0} {{ mutate {{ add_tag => ["first"] }} }} else if {1} {{ split {{ field => "l" add_tag => ["second"] }} }}
  else {{ clone {{ clones => ["copy"] }} }}
  if {2} {{ mutate {{ add_field => {{ "c" => "%{{a}}" }} }} }}
}}
output {{ if {1} {{ stdout {{}} }} }}
"""


def ran(configuration: str, document: dict[str, Any], trace: Trace | None) -> list[Any]:
    plan = planned(configuration, ecs="disabled")
    built = build(plan, context())
    told: list[Any] = []

    def guard(proceed: Continue, event: Event) -> None:
        try:
            proceed(event)
        except Unjudged:
            told.append("dropped")
        except Exception as error:
            told.append(type(error).__name__)

    def sink(event: Event) -> None:
        told.append((copied(event.fields), copied(event.metadata)))

    def unrouted(event: Event) -> None:
        told.append(("unrouted", copied(event.fields)))

    flow = connect(plan, built.filters, dict.fromkeys(built.outputs, sink), guard, trace, unrouted=unrouted)
    guard(flow.process, Event(copied(document), {"m": "x", "event_id": "e"}))
    return told


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.tuples(conditions, conditions, conditions), documents)
def test_traced_or_not(drawn: tuple[str, str, str], document: dict[str, Any]) -> None:
    configuration = CONFIGURATION.format(*drawn)
    try:
        bare = ran(configuration, document, None)
    except ConfigurationError:
        return
    assert repr(bare) == repr(ran(configuration, document, Silent()))
