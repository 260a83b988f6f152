"""The reference pages of the plugins, made of their own files: the docstring, and the options from the model itself.

`page` is what `apex-logs plugins NAME` prints; `markdown` is the same for `docs/reference`, which
`python -m pipeline.reference.pages FOLDER` writes.
"""

from __future__ import annotations

import re
import sys
import textwrap
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from pydantic.fields import FieldInfo

from pipeline import registry
from pipeline.options import FilterOptions, FormerName, Ignored, InputOptions, OutputOptions, PluginOptions, Refused
from pipeline.reference.option_words import default_of, type_of
from pipeline.registry import Kind, PluginModule

COMMON: Mapping[Kind, type[PluginOptions]] = {
    "input": InputOptions,
    "filter": FilterOptions,
    "output": OutputOptions,
    "codec": PluginOptions,
}
INDEX = "README.md"
_WIDTH = 100
_EXAMPLE = re.compile(r"^    (?:input|filter|output)\b.*\n(?:(?:    .*)?\n)*", re.MULTILINE)
_CHANGE_NOTHING = "Accepted, but change nothing here"
_REFUSED = "Refused"
_FORMER = "Former names, still accepted with a warning"


class Option(NamedTuple):
    """One option, in words."""

    name: str
    type: str
    default: str
    meaning: str


class Options(NamedTuple):
    """The options of a plugin, sorted by what a reader looks for."""

    own: Sequence[Option]
    common: Sequence[str]
    """The names of those that every plugin of its kind has, and that mean the same here."""
    remarks: Mapping[str, Mapping[str, Sequence[str]]]
    """Those that change nothing, are refused, or have a new name: title to reason to names."""


def examples(docstring: str) -> list[str]:
    """The configurations in a docstring: indented by four, starting with a section."""
    return [textwrap.dedent(found).strip() + "\n" for found in _EXAMPLE.findall(docstring + "\n")]


def options(kind: Kind, model: type[PluginOptions], known: type[PluginOptions] | None = None) -> Options:
    """The options of a model; those of `known` that it has unchanged are only named."""
    before = known.model_fields if known else {}
    own: list[Option] = []
    common: list[str] = []
    remarks: dict[str, dict[str, list[str]]] = {}
    for attribute, info in sorted(model.model_fields.items()):
        remark, name = _remark(info), info.alias or attribute
        if attribute in before and _same(before[attribute], info):
            common.append(name)
        elif remark is not None:
            title, reason = remark
            remarks.setdefault(title, {}).setdefault(reason, []).append(name)
        else:
            own.append(Option(name, type_of(info), default_of(info), _sentence(info.description or "")))
    return Options(own, common, remarks)


def page(module: PluginModule) -> str:
    """The page for a terminal; common options are explained in full."""
    found = options(module.kind, module.options, COMMON[module.kind])
    lines = [f"{module.name} ({module.kind})", "", module.page, "", "Options", ""]
    lines += [*_listed(found.own), *_remarked(found)]
    common = options(module.kind, COMMON[module.kind])
    lines += [f"Options of every {module.kind}", ""]
    lines += [*_listed([option for option in common.own if option.name in found.common]), *_remarked(common)]
    return "\n".join(lines).rstrip()


def markdown(module: PluginModule) -> str:
    """The page for `docs/reference`."""
    found = options(module.kind, module.options, COMMON[module.kind])
    lines = [_made_from(f"pipeline/{module.kind}s/{module.name}.py"), f"# {module.name} ({module.kind})", ""]
    lines += [module.page, "", "## Options", "", *_table(found.own)]
    if found.common:
        names = ", ".join(f"`{name}`" for name in found.common)
        link = f"{INDEX}#options-of-every-{module.kind}"
        lines += ["", f"And those that [every {module.kind} has]({link}): {names}."]
    for title, reasons in found.remarks.items():
        lines += ["", f"## {title}", ""]
        for reason, concerned in reasons.items():
            lines.append(f"- {', '.join(f'`{name}`' for name in concerned)}: {_sentence(reason)}")
    return "\n".join(lines) + "\n"


def index(modules: Iterable[PluginModule]) -> str:
    """The first page: what there is, and the options that are common to all plugins of a kind."""
    lines = [_made_from("pipeline/options.py and the plugins"), "# Plugins", ""]
    by_kind: dict[Kind, list[str]] = {kind: [] for kind in registry.KINDS}
    for module in modules:
        first = module.page.partition("\n")[0]
        by_kind[module.kind].append(f"| [{module.name}]({_file(module)}) | {_cell(first)} |")
    for kind, rows in by_kind.items():
        lines += [f"## {kind.capitalize()}s", "", f"| {kind} | what it does |", "| --- | --- |", *rows, ""]
    for kind, model in COMMON.items():
        found = options(kind, model)
        lines += [f"## Options of every {kind}", "", *_table(found.own), ""]
        for title, reasons in found.remarks.items():
            for reason, names in reasons.items():
                lines += [f"{title}: {', '.join(f'`{name}`' for name in names)} ({reason}).", ""]
    return "\n".join(lines)


def pages() -> dict[str, str]:
    """Every page by its file name."""
    found = [registry.find(kind, name) for kind in registry.KINDS for name in registry.names(kind)]
    modules = [module for module in found if module is not None]
    return {INDEX: index(modules)} | {_file(module): markdown(module) for module in modules}


def main(folder: Path) -> None:
    """Writes the pages, and removes those of plugins that are gone."""
    folder.mkdir(parents=True, exist_ok=True)
    made = pages()
    for name, text in made.items():
        (folder / name).write_text(text, encoding="utf-8")
    for path in folder.glob("*.md"):
        if path.name not in made:
            path.unlink()


# ---------------------------------------------------------------------------------------------- words


def _file(module: PluginModule) -> str:
    return f"{module.kind}-{module.name}.md"


def _made_from(source: str) -> str:
    return f"<!-- Made by `make docs` from {source}: change it there. -->\n"


def _same(before: FieldInfo, info: FieldInfo) -> bool:
    return before.description == info.description and str(before.default) == str(info.default)


def _remark(info: FieldInfo) -> tuple[str, str] | None:
    for marker in info.metadata:
        match marker:
            case FormerName(of=new):
                return _FORMER, f"now `{new}`"
            case Refused(reason=reason):
                return _REFUSED, reason
            case Ignored(reason=reason):
                return _CHANGE_NOTHING, reason
    return None


def _sentence(text: str) -> str:
    return text if not text or text.endswith((".", ":", "?")) else f"{text}."


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")


def _table(rows: Sequence[Option]) -> Iterator[str]:
    yield "| option | type | default | meaning |"
    yield "| --- | --- | --- | --- |"
    for row in rows:
        default = row.default if row.default in ("", "required") else f"`{row.default}`"
        yield f"| `{row.name}` | {_cell(row.type)} | {_cell(default)} | {_cell(row.meaning)} |"


def _listed(rows: Sequence[Option]) -> Iterator[str]:
    for row in rows:
        default = "" if not row.default else f"; {'' if row.default == 'required' else 'default '}{row.default}"
        yield f"  {row.name}  ({row.type}{default})"
        yield from _wrapped(row.meaning, 6)
    yield ""


def _remarked(found: Options) -> Iterator[str]:
    for title, reasons in found.remarks.items():
        yield from (f"{title}:", "")
        for reason, names in reasons.items():
            yield from [*_wrapped(", ".join(names), 2), *_wrapped(_sentence(reason), 6)]
        yield ""


def _wrapped(text: str, indent: int) -> list[str]:
    lead = " " * indent
    return textwrap.wrap(text, _WIDTH, initial_indent=lead, subsequent_indent=lead, break_on_hyphens=False)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
