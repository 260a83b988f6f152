"""`pipelines.yml`: several pipelines of one process, each with settings of its own above those of `logstash.yml`.

    - pipeline.id: web
      path.config: "conf.d/web/*.conf"
      queue.type: persisted
    - pipeline:
        id: rest
        workers: 2
      config.string: "input { ... } output { ... }"

Names are dotted or nested, and `${VAR:default}` stands in values, as in Logstash. What is set here stands above flags.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from pipeline.errors import ConfigurationError
from pipeline.grammar.faults import Fault
from pipeline.grammar.sources import Source, Span
from pipeline.settings.logstash_yml import (
    Gathered,
    ReadSettings,
    at_most_a_core_each,
    gathered,
    judged,
    read_settings,
    why_ignored,
)

FILE = "pipelines.yml"

_STARTS = ("pipeline.", "queue.", "dead_letter_queue.", "in_flight.", "retry.", "slowlog.")
_NAMES = {
    "config.debug",
    "config.string",
    "config.support_escapes",
    "metric.collect",
    "path.config",
    "path.dead_letter_queue",
    "path.plugins",
    "path.queue",
    "plugin_timing.every",
}
_OF_ALL = {"config.reload.automatic", "config.reload.interval"}
"""Logstash takes them here, too, and heeds those of `logstash.yml` alone."""
_VARIABLE = re.compile(r"\$\{([A-Za-z_][\w.]*)(?::([^}]*))?\}")

Entry = dict[str, tuple[Any, Span]]
"""The settings of one pipeline by their dotted names, each with its place."""


def read_pipelines(
    folder: Path, environment: Mapping[str, str], flags: Mapping[str, Any] | None = None
) -> list[ReadSettings]:
    """The settings of each pipeline, in their order; raises `ConfigurationError` with every fault.

    What is to be said of `logstash.yml` and of flags is said with the first, once.
    """
    every = gathered(folder, environment, flags)
    faults: list[Fault] = []
    found: list[ReadSettings] = []
    seen: dict[str, Span] = {}
    for place, entry in _entries(folder / FILE, environment, faults):
        mine = Gathered(dict(every.values), [], [], _finder(entry))
        own = Gathered({}, [], [], mine.span)
        for name, (value, span) in entry.items():
            _take(own, name, value, span)
        at_most_a_core_each(own.values)
        mine.values |= own.values
        for name in ("path.config", "config.string"):  # those of another pipeline, or of none
            if name not in own.values:
                mine.values.pop(name, None)
        mine.faults += own.faults + _wrong(mine.values, place, seen, mine.span)
        mine.warnings += own.warnings
        try:
            found.append(judged(replace(mine, span=_either(mine.span, every.span))))
        except ConfigurationError as error:
            faults += [fault for fault in error.faults if isinstance(fault, Fault) and fault not in faults]
    if every.faults or faults:
        raise ConfigurationError([*every.faults, *faults])
    found[0].warnings[:0] = every.warnings
    said: set[Fault] = set()
    for read in found:
        read.warnings[:] = [warning for warning in read.warnings if warning not in said]
        said.update(read.warnings)
    return found


def read_pipeline(
    folder: Path | None, environment: Mapping[str, str], flags: Mapping[str, Any] | None = None
) -> ReadSettings:
    """The settings of one pipeline: of `pipelines.yml`, if it names the one that is meant, else those of all.

    Raises `ConfigurationError`. It is for commands that look at what a pipeline has left behind.
    """
    every = read_settings(folder, environment, flags)
    if folder is None or not (folder / FILE).exists():
        return every
    others = {name: value for name, value in (flags or {}).items() if name != "pipeline.id"}
    for found in read_pipelines(folder, environment, others):
        if found.settings.pipeline_id == every.settings.pipeline_id:
            return found
    return every


def _take(own: Gathered, name: str, value: Any, span: Span) -> None:
    if name in _OF_ALL:
        own.warnings.append(Fault(f'the setting "{name}" changes nothing here: put it into logstash.yml', span))
    elif name.startswith(_STARTS) or name in _NAMES or why_ignored(name):
        own.take(name, value)
    else:
        checked = Gathered({}, [], [], own.span)
        checked.take(name, value)
        words = f'the setting "{name}" is one of the whole process: put it into logstash.yml'
        own.faults += checked.faults or [Fault(words, span)]


def _wrong(values: Mapping[str, Any], place: Span, seen: dict[str, Span], span: Any) -> list[Fault]:
    """What is wrong with the name of a pipeline, and with where its configuration comes from."""
    name = str(values.get("pipeline.id", "main"))
    here = span("pipeline.id") or place
    faults = []
    if name in seen:
        line = seen[name].source.line_and_column(seen[name].start)[0]
        faults.append(Fault(f'the pipeline "{name}" is there already, in line {line}: give each its own id', here))
    seen.setdefault(name, here)
    if not name or name in (".", "..") or "/" in name or "\0" in name:
        faults.append(Fault(f'"{name}" names folders, and cannot: leave out slashes and dots alone', here))
    given = [wanted for wanted in ("path.config", "config.string") if values.get(wanted) is not None]
    if not given:
        faults.append(Fault(f'the pipeline "{name}" has no configuration: give path.config or config.string', place))
    if len(given) == 2:
        faults.append(Fault(f'the pipeline "{name}": give path.config or config.string, not both', span(given[1])))
    return faults


def _finder(entry: Entry) -> Any:
    return lambda name: entry[name][1] if name in entry else None


def _either(mine: Any, every: Any) -> Any:
    return lambda name: mine(name) or every(name)


def _entries(path: Path, environment: Mapping[str, str], faults: list[Fault]) -> Iterator[tuple[Span, Entry]]:
    """Each pipeline of the file with its place; raises `ConfigurationError` where the file is not of that kind."""
    import yaml  # most runs have no such file

    try:
        source = Source(str(path), path.read_text(encoding="utf-8"))
        root = yaml.compose(source.text, Loader=yaml.SafeLoader)
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigurationError([Fault(f"{path} cannot be read: {error}")]) from None
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        span = Span(source, mark.index, mark.index + 1) if mark is not None else None
        raise ConfigurationError([Fault(f"no YAML: {getattr(error, 'problem', None) or error}", span)]) from None
    if root is None:
        raise ConfigurationError([Fault(f"{path} is empty: name a pipeline, or run one with -f FILE.conf")])
    if not isinstance(root, yaml.SequenceNode) or not root.value:
        raise ConfigurationError(
            [Fault("expected a list of pipelines, each with - pipeline.id: NAME", _at(source, root))]
        )
    for node in root.value:
        if not isinstance(node, yaml.MappingNode):
            faults.append(Fault("expected the settings of a pipeline as name: value", _at(source, node)))
            continue
        entry: Entry = {}
        _flatten(node, "", source, entry, faults)
        for name, (value, span) in entry.items():
            entry[name] = _filled(value, environment, span, faults), span
        yield _at(source, node), entry


def _flatten(node: Any, prefix: str, source: Source, entry: Entry, faults: list[Fault]) -> None:
    from yaml import MappingNode, SafeLoader

    for key, value in node.value:
        name, span = f"{prefix}{key.value}", _at(source, key)
        if isinstance(value, MappingNode):
            _flatten(value, f"{name}.", source, entry, faults)
        elif name in entry:
            faults.append(Fault(f'the setting "{name}" is given twice', span))
        else:
            entry[name] = (SafeLoader("").construct_object(value, deep=True), span)


def _at(source: Source, node: Any) -> Span:
    start = node.start_mark.index
    end = source.text.find("\n", start)
    return Span(source, start, min(node.end_mark.index, end if end >= 0 else len(source.text)))


def _filled(value: Any, environment: Mapping[str, str], span: Span, faults: list[Fault]) -> Any:
    if not isinstance(value, str):
        return value

    def variable(found: re.Match[str]) -> str:
        given = environment.get(found[1], found[2])
        if given is None:
            faults.append(
                Fault(f"the variable {found[1]} is not set, and has no default: ${{{found[1]}:default}}", span)
            )
            return found[0]
        return given

    return _VARIABLE.sub(variable, value)
