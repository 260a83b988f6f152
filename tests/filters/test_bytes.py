"""The bytes filter."""

import pytest

from pipeline.errors import ConfigurationError
from tests.harness import documents, planned


@pytest.mark.parametrize(
    ("text", "options", "number"),
    [
        ("100", "", 100),
        ("1 kB", "", 1024),
        (" 2.5M ", "", 2621440),
        ("1 234 b", "", 1234),
        ("3gb", 'conversion_method => "metric"', 3_000_000_000),
        ("1.234,5 k", 'digit_group_separator => "." decimal_separator => ","', 1264128),
        ("1 PB", "", 1 << 50),
    ],
)
def test_sizes(text, options, number):
    config = f'filter {{ bytes {{ source => "s" target => "n" {options} }} }}'
    assert documents(config, {"s": text}) == [{"s": text, "n": number}]


@pytest.mark.parametrize("value", ["", "kB", "5 apples", "1.2.3", None, 5, "5 KiB"])
def test_what_is_no_size_is_tagged(value):
    config = 'filter { bytes { source => "s" target => "n" } }'
    assert documents(config, {"s": value}) == [{"s": value, "tags": ["_bytesparsefailure"]}]


def test_two_separators_that_are_the_same_are_a_fault():
    with pytest.raises(ConfigurationError, match="must differ"):
        planned('filter { bytes { target => "n" digit_group_separator => "." } }')
