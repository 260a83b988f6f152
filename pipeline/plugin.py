"""The contracts between the engine and its plugins.

A plugin is one file, `pipeline/<kind>s/<name>.py`, with a docstring that is its reference page, a class
`Options`, and `build(options)` or, where it needs its surroundings, `build(options, context)`.
`build` does all that can be done once; what it returns only works.
"""

from __future__ import annotations

import itertools
from array import array
from collections.abc import AsyncIterator, Awaitable, Callable, Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple, Protocol, runtime_checkable

from pipeline.batch import Batch, Origin
from pipeline.bus import Bus
from pipeline.clock import Clock
from pipeline.event import Event, Fields

# ---------------------------------------------------------------------------------------------- filters

PlainFilter = Callable[[Event], bool]
"""True: it matched, and the engine applies `add_field`, `add_tag` and the rest. False: it left the event
alone. `FilterFailure`: it could not do its work, and the engine adds `tag_on_failure`."""


Reasons = Callable[[Event], Iterable[str]]
"""Lines that say why a filter left an event alone; asked by `explain` only."""


def explained(filter_: PlainFilter, reasons: Reasons) -> PlainFilter:
    """The same function, for which `reasons_of` finds the reasons."""
    filter_.reasons = reasons  # type: ignore[attr-defined]  # on a function
    return filter_


def reasons_of(filter_: Any) -> Reasons | None:
    """What explains a filter, where it has something to say."""
    found: Reasons | None = getattr(filter_, "reasons", None)
    return found


@dataclass(frozen=True, slots=True)
class Spreading:
    """Makes none, one or many events of one (drop, split, clone); each runs the rest of the section.

    Events other than the one given count as matched; the one given, if it is among them, goes on as it is.
    """

    spread: Callable[[Event], Iterable[Event]]
    remembers: bool = False
    """Whether what it does depends on the events before, so that several processes would not do what one does."""


@dataclass(frozen=True, slots=True)
class Holding:
    """Keeps events back, or makes new ones from what it saw (multiline, aggregate, metrics).

    `hold` returns the events that go on now; `flush(now)` is called every 5 s and, with `final` set, when
    the pipeline drains. The batch of an event that is held stays open until the event is let go.
    """

    hold: Callable[[Event], Iterable[Event]]
    flush: Callable[[float, bool], Iterable[Event]]


@dataclass(frozen=True, slots=True)
class Asking:
    """Asks the outside world (dns, elasticsearch, http): once for all the distinct keys of a batch.

    `key` says what to ask for this event, or None to leave it alone; `look_up` answers the keys it could
    find; `apply` is a plain filter with the answer, None where there was none.
    """

    key: Callable[[Event], Hashable | None]
    look_up: Callable[[Sequence[Hashable]], Awaitable[Mapping[Hashable, Any]]]
    apply: Callable[[Event, Any], bool]


Filter = PlainFilter | Spreading | Holding | Asking

# ---------------------------------------------------------------------------------------------- codecs


class Codec(Protocol):
    """Turns bytes into events and events into bytes. Keeps nothing between two calls.

    What a sender has not finished stays with the input: `cut` says how much of a stream is whole.
    """

    name: str
    """The plugin's name, set by the engine."""

    def cut(self, data: bytes, *, final: bool = False) -> int:
        """How many leading bytes of a stream hold whole events; all of them if the stream has ended."""
        ...

    def decode(self, data: bytes) -> Iterator[Fields]:
        """The fields of each event in data that `cut` found whole."""
        ...

    def encode(self, event: Event) -> bytes:
        """The bytes of an event as an output writes them."""
        ...

    def streaming(self, delimiter: bytes = b"\n") -> Codec:
        """The codec to use where events arrive one after the other in a stream: json gives json_lines."""
        ...


# ---------------------------------------------------------------------------------------------- inputs

Reject = Callable[[bytes, Exception], None]
"""Called by an input's `decode` with the raw bytes of one event that cannot be decoded."""


class Input(Protocol):
    """Two halves: `batches` owns sockets, files and acknowledgements; `decode` needs none of them."""

    def batches(self) -> AsyncIterator[Batch]:
        """The batches, as they arrive. It ends when the source does, or when `stop` was called."""
        ...

    def stop(self) -> None:
        """Take no more; what was given out is still acknowledged when it ends."""
        ...

    async def close(self) -> None:
        """Every batch has its end: say goodbye to the senders, save positions, free the rest."""
        ...

    def decode(self, data: bytes, origin: Origin, reject: Reject) -> Iterator[Event]:
        """The events in a batch; raises `BrokenFraming` before the first one, or not at all."""
        ...

    def pick(self, data: bytes, origin: Origin, piece: int) -> bytes:
        """The piece of that number, which decodes by itself to its event, or events."""
        ...


class Lag(NamedTuple):
    """How far an input is behind in one partition of what it reads."""

    topic: str
    partition: int
    records: int
    """Records that are there and have not ended here."""


@runtime_checkable
class Lagging(Protocol):
    """An input that knows how much is still to read; asked when someone looks, never while events flow."""

    def lags(self) -> Iterable[Lag]:
        """The lag of each partition that it reads now."""
        ...


class Signal(Protocol):
    """Something that happens once, such as an `asyncio.Event`."""

    async def wait(self) -> Any:
        """Returns when it has happened."""
        ...


class Serving(Protocol):
    """The part of an input that owns its sockets."""

    @property
    def listening(self) -> Signal:
        """Every socket is bound."""
        ...


@runtime_checkable
class Listens(Protocol):
    """An input that senders connect to, or send datagrams to: the pipeline is ready when it listens."""

    @property
    def server(self) -> Serving:
        """The part that owns the sockets."""
        ...


@runtime_checkable
class Meets(Protocol):
    """An input or output by which events go from one pipeline of the process to another: all of them run in one."""

    meets: str
    """What it does, in words that follow its label."""


@runtime_checkable
class Renews(Protocol):
    """An input that goes on while all the rest is built anew, and can take over what was read anew for it."""

    def renew(self, fresh: Any) -> None:
        """Takes over certificates and keys from one that was built by the same configuration, and is not started."""
        ...


@runtime_checkable
class SharesItself(Protocol):
    """An input whose source shares itself out among processes (a Kafka group): of several, each runs its own."""

    shares_itself: bool
    named_by_seat: bool
    """Whether the source knows each of them by a name that it keeps: then no two may have one seat at a time."""

    def span(self, origin: Origin) -> tuple[str, int, int]:
        """Which part of the source a batch is of, and its first and last record there: the same whoever takes it."""
        ...

    def singly(self, data: bytes) -> Iterator[tuple[int, bytes]]:
        """The records of a batch one by one: the place of each, and what decodes to it alone."""
        ...


# ---------------------------------------------------------------------------------------------- outputs


@dataclass(slots=True)
class Body:
    """Rendered items, one after the other, with the place where each ends."""

    data: bytearray = field(default_factory=bytearray)
    ends: array[int] = field(default_factory=lambda: array("Q"))

    def __len__(self) -> int:
        return len(self.ends)

    def item(self, index: int) -> bytes:
        """The bytes of one item."""
        return bytes(self.data[self.ends[index - 1] if index else 0 : self.ends[index]])


class Sent(NamedTuple):
    """What became of the items of a body, by their index; those not named were written."""

    again: Sequence[tuple[int, str]] = ()
    """Refused for now, with the reason: to be sent again (429, 503)."""
    dead: Sequence[tuple[int, str]] = ()
    """Refused for good, with the reason (a mapping error)."""
    duplicates: int = 0
    """How many of the others were there before (409 on create)."""
    repeated: Sequence[int] = ()
    """Which ones, where the output can tell."""
    lost: int = 0
    """How many of the others were let go unwritten, as the configuration asks for it."""


class Output(Protocol):
    """Renders events into a body that the engine keeps, and sends a body when the engine says so."""

    ordered: bool
    """True if a later item may change what an earlier one wrote: one body in flight at a time."""

    def render(self, event: Event, body: bytearray) -> None:
        """Appends one item. If it raises, the engine takes back what it appended."""
        ...

    async def send(self, body: Body) -> Sent:
        """Tries once, and says what became of each item; raises `SendFailure` if it concerns them all."""
        ...

    async def start(self) -> None:
        """Called once before the first body: connect, install templates. May raise `SendFailure`."""
        ...

    async def close(self) -> None:
        """Called once after the last body."""
        ...


# ---------------------------------------------------------------------------------------------- surroundings


def _read(_: str) -> bool:
    return False


class Seat(NamedTuple):
    """Which of several processes with the same pipeline this is, also after it has died and another took its place."""

    number: int
    of: int


ALONE = Seat(0, 1)


@dataclass(frozen=True, slots=True)
class PluginContext:
    """What a plugin may know of the pipeline it is built for."""

    pipeline_id: str
    """Logstash's `pipeline.id`."""
    path_data: Path
    """Logstash's `path.data`: where positions, queues and dead letters are kept."""
    clock: Clock
    every: Callable[[float, Callable[[], None]], None]
    """`every(seconds, call)`: run a short function now and then, on the loop, while the pipeline runs."""
    warn: Callable[[str], None]
    """Say something that the user should know: at the start, or when what the plugin stands on has changed."""
    unread: Callable[[str], bool] = _read
    """For a filter: whether it is certain that nothing after it reads or changes a field of that name, so that it may
    hold an `orjson.Fragment`. False unless the engine can show it."""
    seat: Seat = ALONE
    """For an input that each worker runs itself."""
    connections: int = 0
    """How many connections all inputs together may take, as their options say: they share the descriptors."""
    persisted: bool = False
    """Whether a batch that has its end is on disk, in a persistent queue. Without one, what an input takes from a
    sender that cannot send again is lost if the process dies before its delivery: such an input says so when built."""
    bus: Bus = field(default_factory=Bus)
    """Where the pipelines of this process meet."""
    number: Callable[[], int] = field(default_factory=lambda: itertools.count().__next__)
    """Counts the plugins of this pipeline that ask: the same number for the same text, whenever it is built."""
