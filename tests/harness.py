"""Test as the user works: give configuration text and events, compare events."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pipeline.arrivals import arrive
from pipeline.batch import Batch, Origin
from pipeline.config.building import build
from pipeline.config.compile import Parts, compile_flow
from pipeline.config.plan import Plan, make_plan
from pipeline.delivery.asking import settle
from pipeline.errors import Unjudged
from pipeline.event import Event
from pipeline.flow import Continue
from pipeline.grammar import ast
from pipeline.grammar.sources import Source, Span
from pipeline.metrics import Counters
from pipeline.plugin import Body, PluginContext, Reject, Sent


@dataclass
class FakeClock:
    """A clock that stands still until a test turns it."""

    time: float = 1_700_000_000.0

    def now(self) -> float:
        return self.time

    def monotonic(self) -> float:
        return self.time


def planned(config: str, *, ecs: str = "v8", environment: dict[str, str] | None = None) -> Plan:
    """The plan of a configuration given as text; raises `ConfigurationError`."""
    return make_plan([Source("test.conf", config)], ecs_compatibility=ecs, environment=environment or {})


def context(
    path: Path = Path("data"), clock: FakeClock | None = None, warnings: list[str] | None = None
) -> PluginContext:
    """Surroundings for a plugin under test; warnings are gathered in the list."""
    heard = warnings if warnings is not None else []
    return PluginContext("main", path, clock or FakeClock(), lambda seconds, call: None, heard.append)


def filtered(
    config: str, *events: dict[str, Any], ecs: str = "v8", environment: dict[str, str] | None = None
) -> list[dict[str, Any]]:
    """The documents that come out of the filter sections of a configuration, in their order."""
    return [event.fields for event in filtered_events(config, *events, ecs=ecs, environment=environment)]


def filtered_events(
    config: str, *events: dict[str, Any], ecs: str = "v8", environment: dict[str, str] | None = None
) -> list[Event]:
    """The events, with their metadata, that come out of the filter sections. Errors are raised."""
    plan = planned(config, ecs=ecs, environment=environment)
    built = build(plan, context(), filters_only=True)
    nowhere = Span(Source("test.conf", config), 0, 0)
    collector = ast.Plugin("collector", nowhere, (), nowhere)
    out: list[Event] = []

    def guard(proceed: Continue, event: Event) -> None:
        with contextlib.suppress(Unjudged):
            proceed(event)

    filters = plan.configuration.body("filter")
    parts = Parts(filters, [collector], built.filters, plan.conditions, {id(collector): out.append})
    flow = compile_flow(parts, guard)

    async def run() -> None:
        for ordinal, fields in enumerate(events):
            guard(flow.process, arrive(dict(fields), None, ordinal))
        await settle(flow, guard)
        for holding, proceed in flow.flushes:
            for event in holding.flush(0.0, True):
                guard(proceed, event)

    asyncio.run(run())
    return out


@dataclass
class ScriptedOutput:
    """An output that renders a document as its repr, and answers as the script says.

    Each entry of the script is what one `send` does: a `Sent`, or an exception that it raises; when the script is
    used up, everything is written. `written` holds the items that were.
    """

    script: list[Sent | Exception] = field(default_factory=list)
    ordered: bool = False
    written: list[bytes] = field(default_factory=list)
    bodies: list[list[bytes]] = field(default_factory=list)
    gate: asyncio.Event | None = None
    """While it is there and not set, `send` waits for it."""

    def render(self, event: Event, body: bytearray) -> None:
        body += repr(event.fields).encode() + b"\n"

    async def send(self, body: Body) -> Sent:
        if self.gate is not None:
            await self.gate.wait()
        items = [body.item(index) for index in range(len(body))]
        self.bodies.append(items)
        answer = self.script.pop(0) if self.script else Sent()
        if isinstance(answer, Exception):
            raise answer
        refused = {index for index, _ in [*answer.again, *answer.dead]}
        self.written += [item for index, item in enumerate(items) if index not in refused]
        return answer

    async def start(self) -> None:
        pass

    async def close(self) -> None:
        pass


@dataclass
class ScriptedInput:
    """An input that gives out batches of lines, and remembers what became of each batch."""

    texts: Sequence[bytes]
    ended: dict[int, int] = field(default_factory=dict)
    """Batch number to the number of events that its end was told."""
    refused: dict[int, str] = field(default_factory=dict)
    closed: bool = False
    _stopped: bool = False

    async def batches(self) -> AsyncIterator[Batch]:
        for number, data in enumerate(self.texts):
            if self._stopped:
                return
            yield Batch(
                data,
                {"id": f"batch{number}"},
                lambda events, number=number: self.ended.__setitem__(number, events),
                lambda error, number=number: self.refused.__setitem__(number, str(error)),
            )

    def stop(self) -> None:
        self._stopped = True

    async def close(self) -> None:
        self.closed = True

    def decode(self, data: bytes, origin: Origin, reject: Reject) -> Iterator[Event]:
        for ordinal, line in enumerate(data.splitlines()):
            if line == b"undecodable":
                reject(line, ValueError("not decodable"))
                continue
            event = arrive({"message": line.decode()}, None, ordinal)
            event.metadata["event_id"] = f"{origin['id']}-{ordinal}"
            yield event

    def pick(self, data: bytes, origin: Origin, ordinal: int) -> bytes:
        return data.splitlines()[ordinal]


def ended(counters: Counters) -> int:
    """The events of which it is known what became of them, where each goes to one output at most."""
    written = counters.delivered + counters.duplicates
    return written + counters.dropped + counters.dead - counters.undecodable + counters.unrouted + counters.held


def documents(config: str, *events: dict[str, Any], ecs: str = "v8") -> list[dict[str, Any]]:
    """The documents that come out, less what every event has: its time and its version."""
    return [
        {name: value for name, value in document.items() if name not in ("@timestamp", "@version")}
        for document in filtered(config, *events, ecs=ecs)
    ]
