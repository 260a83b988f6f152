"""`plugins` and `version`."""

from __future__ import annotations

import importlib.metadata

import pytest

from pipeline import registry
from tests.cli.program import invoke

EVERY = [(kind, name) for kind in registry.KINDS for name in registry.names(kind)]


def test_the_list_holds_every_plugin() -> None:
    code, out, _ = invoke("plugins")
    assert code == 0
    assert out.splitlines() == [f"{kind}s: {', '.join(registry.names(kind))}" for kind in registry.KINDS]


@pytest.mark.parametrize(("kind", "name"), EVERY, ids=["-".join(each) for each in EVERY])
def test_every_plugin_has_a_page_with_every_option(kind: registry.Kind, name: str) -> None:
    code, out, _ = invoke("plugins", f"{kind}/{name}")
    module = registry.find(kind, name)
    assert module is not None
    assert code == 0
    assert out.startswith(f"{name} ({kind})\n\n{module.page}\n")
    listed = out.removeprefix(f"{name} ({kind})\n\n{module.page}\n")
    lines = [line for line in listed.splitlines() if line.startswith("  ") and line[2] != " "]
    words = {word.strip(",") for line in lines for word in line.split("(")[0].split()}
    assert words >= {info.alias or option for option, info in module.options.model_fields.items()}


def test_a_name_of_several_kinds_gives_all_their_pages() -> None:
    out = invoke("plugins", "json").out
    assert [line for line in out.splitlines() if line.startswith("json (")] == ["json (filter)", "json (codec)"]


@pytest.mark.parametrize("name", ["jsn", "output/json"])
def test_an_unknown_name(name: str) -> None:
    code, out, err = invoke("plugins", name)
    assert (code, out) == (2, "")
    assert f'there is no plugin "{name}"' in err


@pytest.mark.parametrize("arguments", [["version"], ["--version"], ["-V"], ["run", "-V"], ["run", "--version"]])
def test_version(arguments: list[str]) -> None:
    assert invoke(*arguments) == (0, f"apex-logs {importlib.metadata.version('apex-logs')}\n", "")


def test_without_a_command_there_is_help() -> None:
    code, out, err = invoke()
    assert code == 2
    assert all(f"  {name} " in out + err for name in ("run", "check", "explain", "search", "indices", "plugins", "dlq"))
