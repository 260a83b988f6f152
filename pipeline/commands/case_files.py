"""Case files: a configuration, lines in, events out.

    configuration: apache.conf             # beside this file; or `text`, the configuration itself
    ecs_compatibility: v8                  # the pipeline's; v8 if it is not given
    environment: { LOG_TIMEZONE: UTC }     # for ${...} in the configuration
    cases:
      - name: a request
        lines: ['203.0.113.9 - - [10/Oct/2023:13:55:36 +0000] "GET / HTTP/1.1" 200 5 "-" "curl/8.4.0"']
        events:
          - "[source][address]": 203.0.113.9
            "@timestamp": "2023-10-10T13:55:36.000Z"

`lines` go through the codec of the first input, and get what its options add; `input` holds ready events instead, as
objects. Every event that comes out of the filters is compared, in order, field by field with what is expected of it:
fields that are not named may hold anything, but `tags` only what is expected, and null means that the field is not
there. `[]` for `events` says that all are dropped.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from pipeline.arrivals import arrive
from pipeline.clock import SystemClock
from pipeline.config import decorations
from pipeline.config.building import Built, build
from pipeline.config.compile import Parts, compile_flow
from pipeline.config.plan import Plan, make_plan
from pipeline.delivery.asking import settle
from pipeline.errors import ConfigurationError, FieldReferenceError, Unjudged
from pipeline.event import Event
from pipeline.field_reference import FieldReference
from pipeline.flow import Continue
from pipeline.grammar import ast
from pipeline.grammar.loader import load
from pipeline.grammar.sources import Source, Span
from pipeline.options import Ecs, InputOptions
from pipeline.plugin import PluginContext
from pipeline.time_limits import watching


class Case(BaseModel):
    """One case of a file."""

    model_config = ConfigDict(extra="forbid")

    name: str
    lines: list[str] = []
    input: list[dict[str, Any]] = []
    events: list[dict[str, Any]]


class CaseFile(BaseModel):
    """A file of cases for one configuration."""

    model_config = ConfigDict(extra="forbid")

    configuration: str | None = None
    text: str | None = None
    ecs_compatibility: Ecs = "v8"
    environment: dict[str, str] = Field(default_factory=dict)
    cases: list[Case]


class Difference(NamedTuple):
    """Where an event is not as expected."""

    case: str
    what: str


def read(path: Path) -> CaseFile:
    """Reads a case file; raises `ValueError` with what is wrong in it."""
    try:
        file = CaseFile.model_validate(yaml.safe_load(path.read_text(encoding="utf-8")))
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise ValueError(f"{path} is no YAML: {error}") from error
    except ValidationError as error:
        places = [f"{'.'.join(map(str, detail['loc'])) or 'the file'}: {detail['msg']}" for detail in error.errors()]
        raise ValueError(f"{path}: {'; '.join(places)}") from error
    if (file.configuration is None) == (file.text is None):
        raise ValueError(f"{path}: give either configuration, the name of a file, or text")
    return file


def plan_of(path: Path, file: CaseFile) -> Plan:
    """The plan of its configuration; raises `ConfigurationError`."""
    if file.configuration is not None:
        sources, faults = load(str(path.parent / file.configuration))
        if faults:
            raise ConfigurationError(list(faults))
    else:
        sources = [Source(str(path), file.text or "")]
    return make_plan(sources, ecs_compatibility=file.ecs_compatibility, environment=file.environment)


def differences(path: Path) -> Iterator[Difference]:
    """Runs every case of a file, each through a pipeline of its own."""
    file = read(path)
    plan = plan_of(path, file)
    for case in file.cases:
        found = Runner(plan).run(case)
        if len(found) != len(case.events):
            yield Difference(case.name, f"{len(found)} events came out, {len(case.events)} were expected: {found!r}")
            continue
        for number, (event, expected) in enumerate(zip(found, case.events, strict=True), 1):
            for what in compared(event, expected):
                yield Difference(case.name, f"event {number}: {what}")


def compared(event: Event, expected: dict[str, Any]) -> Iterator[str]:
    """What of the event is not as expected."""
    for name, value in {"tags": None, **expected}.items():
        try:
            found = FieldReference(name).get(event)
        except FieldReferenceError as error:
            yield str(error)
            continue
        if found != value or type(found) is bool is not type(value):
            yield f"{name} is {found!r}, expected {value!r}"


class Runner:
    """The filters of a plan, and the codec in front of them."""

    def __init__(self, plan: Plan) -> None:
        context = PluginContext("main", Path("data"), SystemClock(), lambda seconds, call: None, lambda message: None)
        self._plan = plan
        self._built: Built = build(plan, context, filters_only=True)
        self._options = next(
            (one.options for one in plan.section("input") if isinstance(one.options, InputOptions)), None
        )

    def run(self, case: Case) -> Sequence[Event]:
        """The events that come out of the filters."""
        nowhere = Span(Source("", ""), 0, 0)
        end = ast.Plugin("end", nowhere, (), nowhere)
        out: list[Event] = []

        def guard(proceed: Continue, event: Event) -> None:
            try:
                proceed(event)
            except Unjudged:
                return  # such an event is dropped

        filters = self._plan.configuration.body("filter")
        parts = Parts(filters, [end], self._built.filters, self._plan.conditions, {id(end): out.append})
        flow = compile_flow(parts, guard)

        async def through() -> None:
            for event in self._events(case):
                guard(flow.process, event)
            await settle(flow, guard)
            for holding, proceed in flow.flushes:
                for event in holding.flush(SystemClock().now(), True):
                    guard(proceed, event)

        with watching(built.filter for built in self._built.filters.values()):
            asyncio.run(through())
        return out

    def _events(self, case: Case) -> Iterator[Event]:
        decorate = decorations.of_input(self._options) if self._options is not None else None
        for ordinal, fields in enumerate([*self._decoded(case.lines), *case.input]):
            event = arrive(dict(fields), None, ordinal)
            if decorate is not None:
                decorate(event)
            yield event

    def _decoded(self, lines: Sequence[str]) -> Iterator[dict[str, Any]]:
        if self._options is None:
            yield from ({"message": line} for line in lines)
        elif lines:
            yield from self._options.codec.streaming().decode("".join(f"{line}\n" for line in lines).encode())
