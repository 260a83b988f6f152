"""Documentation that can fail: pages that are made, examples that must pass, output that must be what is printed."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer

from pipeline import registry
from pipeline.cli.dlq import dlq
from pipeline.cli.main import app
from pipeline.cli.queue import queue
from pipeline.config.plan import make_plan
from pipeline.grammar.sources import Source
from pipeline.metrics import Counters
from pipeline.reference.pages import examples, markdown, page, pages
from pipeline.registry import PluginModule
from pipeline.settings.logstash_yml import _PREFIXES_IGNORED as PREFIXES_IGNORED
from pipeline.settings.logstash_yml import IGNORED, Settings
from shippers import demonstration

ROOT = Path(__file__).parent.parent
DOCS = ROOT / "docs"
README = ROOT / "README.md"
WRITTEN = [README, ROOT / "CHANGELOG.md", *sorted(DOCS.glob("*.md")), *sorted(DOCS.glob("decisions/*.md"))]
PAGES = sorted(DOCS.glob("reference/*.md"))
MODULES = [registry.find(kind, name) for kind in registry.KINDS for name in registry.names(kind)]


def _label(value: object) -> str:
    if isinstance(value, PluginModule):
        return f"{value.kind}-{value.name}"
    return str(value.relative_to(ROOT)) if isinstance(value, Path) else str(value)


# ---------------------------------------------------------------------------------------------- plugins


def test_pages_are_what_the_plugins_say() -> None:
    made = pages()
    assert {path.name for path in PAGES} == set(made), "run make docs"
    for path in PAGES:
        assert path.read_text(encoding="utf-8") == made[path.name], f"{path.name} is not up to date: run make docs"


@pytest.mark.parametrize("module", MODULES, ids=_label)
def test_a_plugin_has_an_example_that_passes(module: PluginModule) -> None:
    first, _, rest = module.page.partition("\n")
    assert first.endswith("."), "the first line says what the plugin does"
    assert rest.startswith("\n    "), "an example follows it"
    found = examples(module.page)
    assert found
    for text in found:
        plan = make_plan([Source("example", text)])
        assert module.name in {checked.module.name for checked in plan.plugins.values()}


@pytest.mark.parametrize("module", MODULES, ids=_label)
def test_every_option_is_in_both_pages(module: PluginModule) -> None:
    in_markdown, in_terminal = markdown(module), page(module)
    for attribute, info in module.options.model_fields.items():
        name = info.alias or attribute
        assert f"`{name}`" in in_markdown
        assert re.search(rf"\b{name}\b", in_terminal)
        assert info.description, f"{module.name}: {name} has no description"


# ---------------------------------------------------------------------------------------------- what commands print

SHOWN = re.compile(r"<!-- run -->\n```\w*\n\$ (.+?)\n(.*?)```", re.DOTALL)
BLOCKS = [(path, *found) for path in WRITTEN for found in SHOWN.findall(path.read_text(encoding="utf-8"))]


def _matches(shown: list[str], printed: list[str]) -> bool:
    """Whether lines are what was printed; `...` stands for any lines, at the end of a line for its rest."""
    if not shown:
        return not printed
    if shown[0].strip() == "...":
        return any(_matches(shown[1:], printed[start:]) for start in range(len(printed) + 1))
    if not printed:
        return False
    line = shown[0]
    same = printed[0].startswith(line[:-3]) if line.endswith("...") else printed[0].rstrip() == line
    return same and _matches(shown[1:], printed[1:])


@pytest.mark.parametrize(("path", "command", "shown"), BLOCKS, ids=_label)
def test_shown_output_is_what_the_command_prints(path: Path, command: str, shown: str) -> None:
    program, *arguments = shlex.split(command)
    assert program == "apex-logs"
    environment = {key: value for key, value in os.environ.items() if not key.startswith(("PIPELINE_", "APEX_"))}
    executable = str(Path(sys.executable).with_name("apex-logs"))
    result = subprocess.run([executable, *arguments], cwd=ROOT, env=environment, capture_output=True, text=True)
    # The other commands say on stderr what depends on the machine, such as where the database of geoip is.
    printed = (result.stderr if arguments[0] == "check" else "") + result.stdout
    assert _matches(shown.splitlines(), printed.splitlines()), f"{path.name} shows another output than:\n{printed}"


def test_the_readme_shows_check_and_explain() -> None:
    commands = [command for path, command, _ in BLOCKS if path == README]
    assert any(command.startswith("apex-logs check") for command in commands)
    assert any(command.startswith("apex-logs explain") for command in commands)


def test_the_readme_counts_the_sample_right() -> None:
    text = README.read_text(encoding="utf-8")
    days = Counter(event["@timestamp"][:10].replace("-", ".") for event in demonstration._events())
    assert f"{days.total()} log lines of apex-api" in text
    assert dict(re.findall(r"^apex-logs-([\d.]+) +(\d+)", text, re.MULTILINE)) == {
        day: str(count) for day, count in days.items()
    }


# ---------------------------------------------------------------------------------------------- completeness


def test_every_command_has_its_line() -> None:
    text = (DOCS / "commands.md").read_text(encoding="utf-8")
    names = [info.name or (info.callback.__name__ if info.callback else "") for info in app.registered_commands]
    names += [str(group.name) for group in app.registered_groups]
    names += [f"dlq {info.name}" for info in dlq.registered_commands]
    names += [f"queue {info.name}" for info in queue.registered_commands]
    assert [name for name in names if f"apex-logs {name}" not in text] == []


def _shown_commands() -> Iterator[tuple[Path, str]]:
    for path in [README, *sorted(DOCS.rglob("*.md"))]:
        text = path.read_text(encoding="utf-8").replace("\\\n", " ")
        for line in re.findall(r"^\$ (?:.*\| )?((?:apex-logs|make) .*)$", text, re.MULTILINE):
            yield path, line


@pytest.mark.parametrize(("path", "line"), list(_shown_commands()), ids=_label)
def test_a_command_that_is_shown_is_one_that_there_is(path: Path, line: str) -> None:
    """Its name and its options; what it does is tested elsewhere."""
    program, *words = shlex.split(line, comments=True)
    if program == "make":
        targets = re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE)
        assert words[0] in targets
        return
    command: Any = typer.main.get_command(app)
    while words and words[0] in getattr(command, "commands", ()):
        command = command.commands[words.pop(0)]
    command.make_parser(typer.Context(command)).parse_args(words)


def _ignored_settings() -> str:
    """The rows of the table: settings with one reason are in one row."""
    by_reason: dict[str, list[str]] = {}
    for name, reason in IGNORED.items():
        by_reason.setdefault(reason, []).append(f"`{name}`")
    for start, reason in PREFIXES_IGNORED.items():
        by_reason.setdefault(reason, []).append(f"`{start}*`" if start.endswith(".") else f"`{start}`")
    return "".join(f"| {', '.join(names)} | {reason} |\n" for reason, names in by_reason.items())


def test_settings_that_change_nothing_are_explained() -> None:
    text = (DOCS / "configuration.md").read_text(encoding="utf-8")
    rows = _ignored_settings()
    assert rows in text, f"the table in docs/configuration.md should read:\n{rows}"


def test_defaults_of_settings_are_the_real_ones() -> None:
    text = (DOCS / "configuration.md").read_text(encoding="utf-8")
    for info in Settings.model_fields.values():
        row = re.search(rf"^\| `{re.escape(str(info.alias))}` \|(.*?)\|", text, re.MULTILINE)
        assert row, f"{info.alias} has no row"
        wanted = "" if info.default is None else shown(info.default).lower()
        assert row[1].strip(" `").lower() == wanted, f"{info.alias}: the default is {wanted}"


def shown(default: object) -> str:
    """A default as the page writes it: a range as first-last, a list as its items."""
    if isinstance(default, tuple | list):
        return ("-" if isinstance(default, tuple) else ", ").join(map(str, default))
    return str(default)


def test_every_counter_is_explained() -> None:
    text = (DOCS / "delivery.md").read_text(encoding="utf-8")
    assert [name for name in Counters().as_dict() if f"`{name}`" not in text] == []


# ---------------------------------------------------------------------------------------------- links

LINK = re.compile(r"\[[^\]]+\]\(([^)\s]+)\)")


def _anchors(path: Path) -> set[str]:
    headings = re.findall(r"^#+ (.+)$", path.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}


def _links(path: Path) -> Iterator[str]:
    text = re.sub(r"```.*?```", "", path.read_text(encoding="utf-8"), flags=re.DOTALL)
    yield from (link for link in LINK.findall(text) if "://" not in link)


@pytest.mark.parametrize("path", [*WRITTEN, *PAGES], ids=_label)
def test_links_lead_somewhere(path: Path) -> None:
    for link in _links(path):
        name, _, anchor = link.partition("#")
        target = (path.parent / name).resolve() if name else path
        assert target.exists(), f"{link} leads nowhere"
        if anchor:
            assert anchor in _anchors(target), f"{link}: there is no such heading"
