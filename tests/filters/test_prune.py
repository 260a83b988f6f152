"""The prune filter."""

import pytest

from pipeline.errors import ConfigurationError, FilterFailure
from tests.harness import documents, planned

EVENT = {"method": "GET", "status": "404", "tags": ["a", "b"], "sizes": [1, 20, 3], "host": "web"}


def less(*names):
    return {name: value for name, value in EVENT.items() if name not in names}


@pytest.mark.parametrize(
    ("options", "result"),
    [
        ("", EVENT),
        ('whitelist_names => ["^method$", "stat"]', {"method": "GET", "status": "404"}),
        ('blacklist_names => ["^s"]', less("status", "sizes")),
        ('whitelist_names => ["s"] blacklist_names => ["^s"]', {"tags": ["a", "b"], "host": "web"}),
        ('whitelist_values => { "status" => "^4" "method" => "POST" "none" => "x" }', less("method")),
        ('blacklist_values => { "status" => "^4" "tags" => "b" }', {**less("status"), "tags": ["a"]}),
        ('whitelist_values => { "sizes" => "^.$" }', {**EVENT, "sizes": [1, 3]}),
        ('blacklist_values => { "sizes" => "." }', less("sizes")),
        (
            'whitelist_values => { "sizes" => "^.$" } blacklist_values => { "sizes" => "3" }',
            {**EVENT, "sizes": [1, 20]},
        ),
        ('interpolate => true blacklist_values => { "%{method}" => "x" "host" => "^%{host}$" }', less("host")),
        ('interpolate => true blacklist_names => ["^%{host}"]', EVENT),
    ],
)
def test_fields_that_stay(options, result):
    assert documents(f"filter {{ prune {{ {options} }} }}", EVENT) == [result]


def test_names_that_were_not_resolved_go_by_default():
    assert documents("filter { prune { } }", {"a": 1, "%{b}": 2}) == [{"a": 1}]


def test_a_pattern_that_the_event_breaks_is_a_failure_of_the_filter():
    config = 'filter { prune { interpolate => true blacklist_names => ["%{p}"] } }'
    with pytest.raises(FilterFailure):
        documents(config, {"p": "(", "a": 1})


def test_a_pattern_that_is_none_is_a_fault():
    with pytest.raises(ConfigurationError):
        planned('filter { prune { whitelist_names => ["("] } }')
