"""What is written in place means what is called otherwise."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.config.conditions import compile_condition
from pipeline.config.inline import inlined
from pipeline.config.plan import arms_in
from pipeline.event import Event
from pipeline.grammar.parser import parse
from pipeline.grammar.sources import Source

INLINED = [
    "[a]",
    "![a]",
    "[a][b]",
    '[a] == "x"',
    '"x" == [a]',
    '[a] != "x"',
    '[a][b] == "x"',
    '[a] and [a][b] == "x"',
    '[a] or !([c] == "false")',
    '[a] == "it\'s"',
]
CALLED = [
    "[a] == 5",
    '[a] > "x"',
    "[a] =~ /x/",
    '"x" in [a]',
    '[@metadata][a] == "x"',
    '[@timestamp] == "x"',
    '[a][0] == "x"',
    '[a][b][c] == "x"',
    '[a] == "${X:x}"',
    "[a] xor [b]",
    "[a] and [a] == 5",
    '"x" == "x"',
]


def condition(text: str) -> Any:
    configuration, faults = parse([Source("t", f"filter {{ if {text} {{ drop {{}} }} }}")])
    assert faults == []
    [arm] = arms_in(configuration.body("filter"))
    return arm.condition


@pytest.mark.parametrize("text", CALLED)
def test_what_is_not_simple_is_called(text: str) -> None:
    assert inlined(condition(text)) is None


VALUES = st.recursive(
    st.sampled_from([None, False, True, 0, 1, 1.0, "", "false", "true", "x", "it's", "0"]),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from("abc"), inner, max_size=3),
    max_leaves=6,
)


@pytest.mark.parametrize("text", INLINED)
@given(fields=st.dictionaries(st.sampled_from("abc"), VALUES, max_size=3))
def test_it_means_the_same(text: str, fields: dict[str, Any]) -> None:
    tree = condition(text)
    expression = inlined(tree)
    assert expression is not None
    called = compile_condition(tree, [], {})(Event(fields))
    assert bool(eval(expression, {"fields": fields})) is called


def test_a_long_chain_is_flat() -> None:
    text = " or ".join(f'[a] == "{number}"' for number in range(1500))
    expression = inlined(condition(text))
    assert expression is not None
    assert eval(expression, {"fields": {"a": "1499"}}) is True
    assert eval(expression, {"fields": {"a": "x"}}) is False
