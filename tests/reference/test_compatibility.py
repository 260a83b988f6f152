"""The table of Logstash's plugins and options: no plugin and no option without an answer."""

from __future__ import annotations

from pathlib import Path

import pytest

from pipeline import registry
from pipeline.errors import ConfigurationError
from pipeline.reference.compatibility import USED, answer, page
from pipeline.reference.distribution import DISTRIBUTION, OTHERS, remedy
from pipeline.registry import Kind
from tests.harness import planned

PAGE = Path(__file__).parent.parent.parent / "docs" / "compatibility.md"
NOT_HERE = [
    (kind, name)
    for kind in registry.KINDS
    for name in [*DISTRIBUTION[kind], *OTHERS[kind]]
    if name not in registry.names(kind)
]
OPTIONS = [(kind, plugin, option) for (kind, plugin), options in USED.items() for option in options.split()]


def test_the_page_is_what_make_docs_writes() -> None:
    assert PAGE.read_text(encoding="utf-8") == page(), "run make docs"


@pytest.mark.parametrize(("kind", "name"), NOT_HERE)
def test_a_plugin_that_is_not_here_is_refused_with_its_line_and_what_to_use(kind: Kind, name: str) -> None:
    assert remedy(kind, name), f"say in pipeline/reference/distribution.py what to use in place of the {kind} {name}"
    plugin = f"{name} {{}}"
    text = f"input {{ stdin {{ codec => {plugin} }} }}" if kind == "codec" else f"{kind} {{\n  {plugin}\n}}"
    with pytest.raises(ConfigurationError) as caught:
        planned(text)
    [fault] = map(str, caught.value.faults)
    place = "1:26" if kind == "codec" else "2:3"
    assert fault.startswith(f'test.conf:{place}: there is no {kind} plugin "{name}"{remedy(kind, name)}\n')


@pytest.mark.parametrize(("kind", "plugin", "option"), OPTIONS)
def test_an_option_that_real_configurations_use_is_honoured_or_answered(kind: Kind, plugin: str, option: str) -> None:
    found = answer(kind, plugin, option)
    if found is None:
        assert remedy(kind, plugin)
    else:
        assert found.state != "unknown"


def test_no_plugin_stands_in_both_tables() -> None:
    for kind in registry.KINDS:
        assert not DISTRIBUTION[kind].keys() & OTHERS[kind].keys()


def test_another_kind_of_that_name_is_pointed_at() -> None:
    with pytest.raises(ConfigurationError, match='there is no input plugin "stdout"; stdout is an output'):
        planned("input { stdout { } }")
