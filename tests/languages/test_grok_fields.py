"""What patterns of both sets keep, and under which names.

The names, the types and what is optional are those of logstash-patterns-core 4.3.4, the version that Logstash 8.19
ships (its folders patterns/ecs-v1 and patterns/legacy, and its specs); the lines are our own.
"""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from pipeline.event import Event
from pipeline.languages import grok
from pipeline.languages.grok_captures import Terms, applier
from pipeline.languages.grok_library import built_in

CASES = yaml.safe_load((Path(__file__).parent / "grok_fields.yml").read_text(encoding="utf-8"))
ROWS = [(name, *case.values()) for name, cases in CASES.items() for case in cases]


@pytest.mark.parametrize(("which", "pattern", "text", "fields"), ROWS)
def test_fields(which, pattern, text, fields):
    compiled = grok.compile(rf"\A%{{{pattern}}}", built_in(ecs=which == "ecs"))
    found = compiled.find(text)
    if fields is None:
        assert found is None
        return
    assert found is not None
    event = Event({})
    applier(compiled.captures, compiled.regex.groups, Terms())(found, event)
    assert {**event.fields, **({"@metadata": event.metadata} if event.metadata else {})} == fields
