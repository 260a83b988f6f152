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
            {"d": {"e_f": {"g_h": 2}}, "l": [{"a.b": 1}]},
        ),
        ("recursive => true", {"a.b": {"c.d": 1, "e": {"f.g": 2}}}, {"a_b": {"c_d": 1, "e": {"f_g": 2}}}),
        (
            'recursive => true fields => ["d", "[x][y.z]"]',
            {"d": {"e.f": 1}, "g": {"h.i": 2}, "x": {"y.z": {"q.r": 3}, "s.t": 4}},
            {"d": {"e_f": 1}, "g": {"h.i": 2}, "x": {"y_z": {"q_r": 3}, "s.t": 4}},
        ),
        ("nested => true recursive => true", {"d": {"e.f": 2}}, {"d": {"e": {"f": 2}}}),
        ('fields => ["[d][e.f]"]', {"a.b": 1, "d": {"e.f": 2}}, {"a.b": 1, "d": {"e_f": 2}}),
        ('fields => ["x.y"]', {"a": 1}, {"a": 1}),
        (
            'nested => true fields => ["[a][b.c]", "d.e", "[f.g][h.i][j.k]", "[l.m][n]"]',
            {"a": {"b.c": 1}, "f.g": {"h.i": {"j.k": 2}, "x": 3}},
            {"a": {"b": {"c": 1}}, "f": {"g": {"h": {"i": {"j": {"k": 2}}}}}},
        ),
        ('fields => ["[a.b][c]"]', {"a.b": {"c": 1}}, {"a_b": {"c": 1}}),
        ("nested => true recursive => true", {"a.b": {"c.d": 1}}, {"a": {"b": {"c": {"d": 1}}}}),
        ("", {"a[0]": 1, "b.c": 2}, {"a[0]": 1, "b_c": 2}),
        ("nested => true", {"a.b": None, "c": "x.y"}, {"a": {"b": None}, "c": "x.y"}),
        ("", {"a.b": 1, "a_b": 2}, {"a_b": 1}),
    ],
)
def test_dots_are_replaced(options, event, result):
    assert documents(f"filter {{ de_dot {{ {options} }} }}", event) == [result]


def test_a_separator_with_a_dot_is_a_fault():
    with pytest.raises(ConfigurationError, match="dot"):
        planned('filter { de_dot { separator => "." } }')
