"""The de_dot filter."""

import pytest

from pipeline.errors import ConfigurationError
from tests.harness import documents, planned


@pytest.mark.parametrize(
    ("options", "event", "result"),
    [
        ("", {"a.b.c": 1, "d": {"e.f": 2}}, {"a_b_c": 1, "d": {"e.f": 2}}),
        ('separator => "-"', {"a.b": 1}, {"a-b": 1}),
        ("nested => true", {"a.b": 1, "a.c.d": 2}, {"a": {"b": 1, "c": {"d": 2}}}),
        (
            "recursive => true",
            {"d": {"e.f": {"g.h": 2}}, "l": [{"a.b": 1}]},
            {"d": {"e_f": {"g_h": 2}}, "l": [{"a_b": 1}]},
        ),
        ("nested => true recursive => true", {"d": {"e.f": 2}}, {"d": {"e": {"f": 2}}}),
        ('fields => ["[d][e.f]"]', {"a.b": 1, "d": {"e.f": 2}}, {"a.b": 1, "d": {"e_f": 2}}),
        ('fields => ["x.y"]', {"a": 1}, {"a": 1}),
        ("", {"a.b": 1, "a_b": 2}, {"a_b": 1}),
    ],
)
def test_dots_are_replaced(options, event, result):
    assert documents(f"filter {{ de_dot {{ {options} }} }}", event) == [result]


def test_a_separator_with_a_dot_is_a_fault():
    with pytest.raises(ConfigurationError, match="dot"):
        planned('filter { de_dot { separator => "." } }')
