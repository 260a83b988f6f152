"""Plugins by file name; only what is asked for is imported."""

from __future__ import annotations

import subprocess
import sys

import pytest

from pipeline import registry
from pipeline.options import FilterOptions, InputOptions, OutputOptions, PluginOptions

EVERY = [(kind, name) for kind in registry.KINDS for name in registry.names(kind)]
BASES: dict[registry.Kind, type[PluginOptions]] = {
    "input": InputOptions,
    "filter": FilterOptions,
    "output": OutputOptions,
    "codec": PluginOptions,
}


@pytest.mark.parametrize(("kind", "name"), EVERY, ids=["-".join(each) for each in EVERY])
def test_every_plugin_keeps_the_contract(kind: registry.Kind, name: str) -> None:
    module = registry.find(kind, name)
    assert module is not None
    assert (module.kind, module.name) == (kind, name)
    assert issubclass(module.options, BASES[kind])
    assert module.page.splitlines()[0].endswith(".")
    assert module.build.__code__.co_argcount in (1, 2)
    for option, info in module.options.model_fields.items():
        assert info.description or info.metadata, f"{option} has no description"


def test_the_plugins_of_this_issue_are_there() -> None:
    assert set(registry.names("input")) >= {"beats", "stdin", "file", "generator"}
    assert set(registry.names("filter")) >= {"json", "mutate", "geoip", "date", "drop", "split", "clone", "dns"}
    assert set(registry.names("output")) >= {"elasticsearch", "sqlite", "stdout", "file"}
    assert set(registry.names("codec")) >= {"plain", "line", "json", "json_lines", "rubydebug", "multiline"}


@pytest.mark.parametrize("name", ["nothing", "__init__", "../event", ""])
def test_no_such_plugin(name: str) -> None:
    assert registry.find("filter", name) is None


def test_build_gets_its_surroundings_only_if_it_wants_them() -> None:
    def alone(options: PluginOptions) -> str:
        return "alone"

    def with_context(options: PluginOptions, context: str) -> str:
        return context

    for build, answer in ((alone, "alone"), (with_context, "here")):
        module = registry.PluginModule("filter", "x", PluginOptions, build, "")
        assert module.built(PluginOptions(), "here") == answer


def test_nothing_heavy_is_imported_for_a_configuration_that_does_not_use_it() -> None:
    code = (
        "import sys; from pipeline.config.plan import make_plan; from pipeline.grammar.sources import Source;"
        "make_plan([Source('t', 'input { stdin {} } filter { mutate {} } output { stdout {} }')]);"
        "print([name for name in ('aiohttp', 'elasticsearch', 'maxminddb', 'dns', 'isal', 'sqlite3', 'structlog',"
        " 'rich', 'yaml') if name in sys.modules])"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "[]\n"
