"""Options of old: each is told of a plugin that is here, and is none of its options now."""

from __future__ import annotations

import pytest

from pipeline import registry
from pipeline.reference import former_options
from pipeline.reference.former_options import remedy
from pipeline.registry import Kind

TOLD = [(kind, plugin, option) for (kind, plugin), told in former_options._OF.items() for option in told]


@pytest.mark.parametrize(("kind", "plugin", "option"), TOLD)
def test_what_is_told_of_is_gone(kind: Kind, plugin: str, option: str) -> None:
    module = registry.find(kind, plugin)
    assert module is not None
    assert option not in module.options.model_fields
    assert remedy(kind, plugin, option).startswith("; once one of Logstash's: ")


def test_what_logstash_never_had() -> None:
    assert remedy("filter", "grok", "matches") == ""
    assert remedy("codec", "json", "type") == ""
    assert remedy("filter", "drop", "type") == remedy("filter", "grok", "type") != ""
