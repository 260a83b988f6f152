"""`apex-logs explain`: one event through the very pipeline that would run, and what each step changed.

apex.conf:8   if [fields][service] == "apex-api"            holds
apex.conf:9   json { source => "message" }                  matched
    + level          "info"
    ~ message        "..." -> "..."
    - event          {"id": 5}
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import orjson

from pipeline.arrivals import arrive
from pipeline.clock import SystemClock
from pipeline.commands import lines
from pipeline.commands.arguments import Arguments
from pipeline.commands.faults import print_faults
from pipeline.config.building import Built, BuiltInput, build, connect
from pipeline.config.plan import Plan
from pipeline.delivery.asking import settle
from pipeline.errors import ApexLogsError, ConfigurationError, Unjudged
from pipeline.event import Event, copied
from pipeline.flow import Continue
from pipeline.grammar import ast
from pipeline.plugin import Output, PluginContext, Reasons, reasons_of
from pipeline.time_limits import watching

_MISSING = object()
_WIDTH = 100


@dataclass(frozen=True, slots=True)
class Given:
    """What is to be explained: an event in a file, or a line as an input would take it."""

    path: Path | None = None
    line: str | None = None
    input: str | None = None
    """The name or the id of the input that decodes the line; None: the first that takes lines."""


def explain_event(arguments: Arguments, given: Given) -> int:
    """Prints what happens to the event that is given; 0, or 2 where configuration or event cannot be read."""
    try:
        _, plan = arguments.read()
        context = PluginContext("main", Path("data"), SystemClock(), lambda seconds, call: None, _note)
        built = build(plan, context)
        if given.path is not None:
            events, inputs = [_read(given.path)], built.inputs
        else:
            events, inputs = _decoded(built.inputs, given)
    except ConfigurationError as error:
        print_faults(error)
        return 2
    except (OSError, ValueError) as error:
        print(f"apex-logs: {given.path or '--line'}: {error}", file=sys.stderr)
        return 2
    with watching(one.filter for one in built.filters.values()):
        asyncio.run(_explain(plan, replace(built, inputs=inputs), events))
    return 0


def _note(message: str) -> None:
    print(f"note: {message}", file=sys.stderr)


def _read(path: Path) -> Event:
    text = sys.stdin.read() if str(path) == "-" else path.read_text(encoding="utf-8")
    first = text.strip().split("\n")[0] if text.strip().startswith("{") and "\n{" in text.strip() else text.strip()
    try:
        document = orjson.loads(first)
    except ValueError:
        document = None
    return arrive(document if isinstance(document, dict) else {"message": text.rstrip("\n")}, None, 0)


def _decoded(inputs: Sequence[BuiltInput], given: Given) -> tuple[list[Event], list[BuiltInput]]:
    """The events of a line, and the input that decodes it; raises `ValueError` if none can."""
    assert given.line is not None
    fitting = [item for item in inputs if item.kind in lines.DATA and given.input in (None, item.kind, item.label)]
    if not fitting:
        which = f'no input "{given.input}" that takes lines' if given.input else "no input that takes lines"
        raise ValueError(f"the configuration has {which} ({', '.join(lines.DATA)}); give the event with --event FILE")
    chosen = fitting[0]
    data = lines.DATA[chosen.kind](given.line.encode("utf-8", "surrogateescape"))

    def reject(raw: bytes, error: Exception) -> None:
        raise ValueError(f"{chosen.label} cannot decode it, and dead-letters it: {error}")

    return list(chosen.input.decode(data, lines.origin(), reject)), [chosen]


async def _explain(plan: Plan, built: Built, events: Sequence[Event]) -> None:
    story = Story(reasons={node: reasons_of(one.filter) for node, one in built.filters.items()})
    for event in events:
        print("event")
        story.differences(event)
        for item in built.inputs:
            if item.decorate is not None:
                item.decorate(event)
                print(f"{item.label}: common options")
                story.differences(event)
    sinks = {node: story.sink(output, label) for node, (output, label) in built.outputs.items()}
    flow = connect(plan, built.filters, sinks, story.guard, story)
    story.place_of = flow.place_of
    for event in events:
        story.guard(flow.process, event)
    await settle(flow, story.guard)
    for holding, proceed in flow.flushes:
        for held in holding.flush(SystemClock.now(), True):
            story.guard(proceed, held)
    if not story.ended:
        print("the event reaches no output: it ends here, and counts as delivered")


@dataclass(slots=True)
class Story:
    """Remembers what each event looked like, and prints what is different."""

    ended: bool = False
    """Whether it was told where an event ends."""
    place_of: Callable[[BaseException], str] = str
    reasons: Mapping[int, Reasons | None] = field(default_factory=dict)
    """By the identity of a filter's node."""
    _known: dict[int, tuple[Event, dict[str, Any]]] = field(default_factory=dict)

    def step(self, node: ast.Plugin | ast.Arm, event: Event, flag: bool) -> None:
        """Told after a filter or a condition."""
        if isinstance(node, ast.Arm):
            span = node.condition.span
            print(f"{span.place}  if {_one_line(span.text)}  {'holds' if flag else 'does not hold'}")
            return
        self._heading(node, "matched" if flag else "left it alone")
        why = self.reasons.get(id(node))
        for reason in why(event) if why is not None and not flag else ():
            print(f"    {reason}")
        self.differences(event)

    def spread(self, node: ast.Plugin, event: Event, children: Sequence[Event]) -> Iterator[Event]:
        """Told of the children of an event; tells the story of each before the next."""
        _, before = self._known.get(id(event), (event, {}))
        if not children:
            self.ended = True
            self._heading(node, "dropped the event")
        elif len(children) == 1 and children[0] is event:
            self.step(node, event, False)
            yield event
        else:
            self._heading(node, f"made {len(children)} event{'s' * (len(children) != 1)} of it")
            for number, child in enumerate(children, 1):
                print(f"event {number} of {len(children)}, at {node.name_span.place}")
                self._known.setdefault(id(child), (child, before))
                self.differences(child)
                yield child

    @staticmethod
    def _heading(node: ast.Plugin, what: str) -> None:
        print(f"{node.name_span.place}  {_one_line(node.span.text)}  {what}")

    def guard(self, proceed: Continue, event: Event) -> None:
        """Runs a continuation, and tells what stops the event."""
        try:
            proceed(event)
        except Unjudged as error:
            self.ended = True
            print(f"    dropped: {error}")
        except Exception as error:
            self.ended = True
            reason = str(error) if isinstance(error, ApexLogsError) else f"{type(error).__name__}: {error}"
            print(f"    dead-lettered in {self.place_of(error)}: {reason}")

    def sink(self, output: Output, label: str) -> Continue:
        """Stands in for an output: prints the item as it would be sent."""

        def show(event: Event) -> None:
            self.ended = True
            item = bytearray()
            try:
                output.render(event, item)
            except Exception as error:
                print(f"    dead-lettered in {label}: {type(error).__name__}: {error}")
                return
            print(f"{label} would be sent")
            for line in item.decode("utf-8", "replace").rstrip("\n").split("\n"):
                print(f"    {line}")

        return show

    def differences(self, event: Event) -> None:
        """Prints what changed since this event, or the one it was made of, was seen."""
        _, before = self._known.get(id(event), (None, {}))
        after = copied({**event.fields, "@metadata": event.metadata} if event.metadata else event.fields)
        for name, value in _flat(after).items():
            old = _flat(before).get(name, _MISSING)
            if old is _MISSING:
                print(f"    + {name:<24} {_short(value)}")
            elif old != value:
                print(f"    ~ {name:<24} {_short(old)} -> {_short(value)}")
        for name, value in _flat(before).items():
            if name not in _flat(after):
                print(f"    - {name:<24} {_short(value)}")
        # The event is kept, so that its identity is not given to another.
        self._known[id(event)] = (event, after)


def _flat(fields: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Leaves by field reference; empty objects are leaves."""
    leaves: dict[str, Any] = {}
    for name, value in fields.items():
        reference = f"{prefix}[{name}]"
        if isinstance(value, dict) and value:
            leaves |= _flat(value, reference)
        else:
            leaves[reference if prefix else name] = value
    return leaves


def _short(value: Any) -> str:
    text = orjson.dumps(value).decode()
    return text if len(text) <= _WIDTH else text[: _WIDTH - 1] + "…"


def _one_line(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= _WIDTH else line[: _WIDTH - 1] + "…"
