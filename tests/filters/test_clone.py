"""The clone filter."""

import pytest

from pipeline.errors import ConfigurationError
from pipeline.filters import clone
from tests.harness import context, filtered

CONFIG = 'filter { clone { clones => ["a", "b"] add_field => { "x" => "y" } remove_tag => ["old"] } }'


def documents(config, event, ecs):
    """What one event becomes, less what every event has."""
    return [
        {name: value for name, value in document.items() if name not in ("@timestamp", "@version")}
        for document in filtered(config, event, ecs=ecs)
    ]


@pytest.mark.parametrize(
    ("ecs", "event", "children"),
    [
        ("disabled", {"type": "o"}, [{"type": "o"}, {"type": "a", "x": "y"}, {"type": "b", "x": "y"}]),
        (
            "v1",
            {"type": "o"},
            [{"type": "o"}, {"type": "o", "tags": ["a"], "x": "y"}, {"type": "o", "tags": ["b"], "x": "y"}],
        ),
        ("v8", {"tags": ["old"]}, [{"tags": ["old"]}, {"tags": ["a"], "x": "y"}, {"tags": ["b"], "x": "y"}]),
    ],
)
def test_clones(ecs, event, children):
    assert documents(CONFIG, event, ecs) == children


def test_the_filter_may_differ_from_the_pipeline():
    config = 'filter { clone { clones => ["a"] ecs_compatibility => "disabled" } }'
    assert documents(config, {"n": 1}, "v8") == [{"n": 1}, {"n": 1, "type": "a"}]


def test_the_event_may_change_behind_it():
    config = 'filter { clone { clones => ["a"] } if "a" not in [tags] { mutate { replace => { "[n][k]" => "new" } } } }'
    assert documents(config, {"n": {"k": "old"}}, "v8") == [{"n": {"k": "new"}}, {"n": {"k": "old"}, "tags": ["a"]}]


def test_a_clone_has_a_version_again():
    config = 'filter { mutate { remove_field => ["@version", "@timestamp"] } clone { clones => ["a"] } }'
    first, second = filtered(config, {"n": 1})
    assert (first, second["@version"], len(second["@timestamp"]) >= 24) == ({"n": 1}, "1", True)


def test_no_clones_is_worth_a_warning():
    warnings = []
    clone.build(clone.Options(clones=[]), context(warnings=warnings))
    assert "no event is cloned" in warnings[0]


def test_clones_are_required():
    with pytest.raises(ConfigurationError, match="clones"):
        filtered("filter { clone { } }", {})
