"""Write events to a list of Redis, or publish them to a channel.

    output { redis { host => ["redis1", "redis2:6380"] data_type => "list" key => "logstash-%{[service][name]}" } }

Events are written as JSON, as in Logstash; with `codec` another way. An event is delivered when the server has answered
for it; what it keeps then, in memory or on disk, is its own setting. Of several hosts one is used; where it gives no
answer, the next. After a connection was cut it is not known what was done: a repeat is possible.

All that a body holds for one list goes in one RPUSH, and a list keeps the order of its events. While it has more than
`congestion_threshold` elements, its events wait. What is published to a channel that nobody listens to is gone: that is
how channels are. Needs the extra `redis`: `pip install "apex-logs[redis]"`.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import AfterValidator, BeforeValidator, Field

from pipeline.errors import NotAuthorised, Unavailable
from pipeline.event import Event
from pipeline.options import (
    Boolean,
    CodecOption,
    Ignored,
    Integer,
    Number,
    OutputOptions,
    Refused,
    Text,
    as_list,
    default_codec,
)
from pipeline.plugin import Body, Sent
from pipeline.redis.options import RedisOptions, check_installed, client, context_of
from pipeline.sprintf import Template

if TYPE_CHECKING:
    from redis.asyncio import Redis

_PARCELS = Ignored("`pipeline.batch.delay` and the size of a body say when events are sent, many at a time")
_PASSING = ("OOM", "LOADING", "BUSY", "READONLY", "MISCONF", "TRYAGAIN", "MASTERDOWN")
"""Refusals that pass: no memory, a server that loads its data, a replica, a disk that is full."""


def _address(text: str) -> str:
    name, colon, port = text.rpartition(":")
    if colon and not (name and port.isdigit()):
        raise ValueError(f'"{text}" is no address of a server: write host or host:port')
    return text


class Options(RedisOptions, OutputOptions):
    """Options of the redis output."""

    key: Annotated[Template, Field(description="The list or the channel; may hold %{...}.")]
    data_type: Annotated[Literal["list", "channel"], Field(description="What `key` names.")]
    host: Annotated[
        list[Annotated[Text, AfterValidator(_address)]],
        BeforeValidator(as_list),
        Field(min_length=1, description="Servers: one is used, another where it does not answer."),
    ] = ["127.0.0.1"]
    shuffle_hosts: Annotated[Boolean, Field(description="Begin with any of the hosts, not the first.")] = True
    batch: Annotated[Boolean, _PARCELS, Field(description="As in Logstash.")] = False
    batch_events: Annotated[Integer, _PARCELS, Field(description="As in Logstash.")] = 50
    batch_timeout: Annotated[Number, _PARCELS, Field(description="As in Logstash.")] = 5
    reconnect_interval: Annotated[
        Number, Ignored("the engine's pauses hold for every output"), Field(description="As in Logstash.")
    ] = 1
    congestion_threshold: Annotated[
        Integer, Field(ge=0, description="A list with more elements gets no more; 0: no bound.")
    ] = 0
    congestion_interval: Annotated[
        Number,
        Ignored("the length is asked for before each RPUSH, and again after the engine's pause"),
        Field(description="As in Logstash."),
    ] = 1
    queue: Annotated[
        Text | None, Refused('write key => "..." and data_type => "list"'), Field(description="Gone in Logstash.")
    ] = None
    name: Annotated[Text | None, Ignored("it was for the log; use id"), Field(description="As in Logstash.")] = None
    codec: Annotated[CodecOption, Field(description="How an event becomes a message.")] = default_codec("json")


def build(options: Options) -> RedisOutput:
    """Makes the output; certificates are read now."""
    check_installed()
    return RedisOutput(options)


class RedisOutput:
    """An item is the name of its list, a zero byte, and the message. One body at a time: a list has an order."""

    ordered = True

    def __init__(self, options: Options) -> None:
        self.render = _renderer(options)
        self._options, self._context = options, context_of(options)
        self._hosts = list(options.host)
        if options.shuffle_hosts:
            random.shuffle(self._hosts)
        self._client: Redis | None = None

    async def start(self) -> None:
        """Nothing to prepare: the server is asked with the first body."""

    async def send(self, body: Body) -> Sent:
        """What the body holds for each list or channel, one after the other."""
        from redis.exceptions import AuthenticationError, NoPermissionError, RedisError, ResponseError

        groups: dict[bytes, list[int]] = {}
        parts = [body.item(index).partition(b"\0") for index in range(len(body))]
        for index, (key, _, _) in enumerate(parts):
            groups.setdefault(key, []).append(index)
        open_ = dict(groups)
        again: list[tuple[int, str]] = []
        dead: list[tuple[int, str]] = []
        for key, indexes in groups.items():
            try:
                told = await self._write(key, [parts[index][2] for index in indexes])
                again += [(index, told) for index in indexes if told]
            except (AuthenticationError, NoPermissionError) as error:
                raise NotAuthorised(str(error)) from error
            except ResponseError as error:
                passes = str(error).split(" ", 1)[0] in _PASSING
                (again if passes else dead).extend((index, str(error)) for index in indexes)
            except (RedisError, OSError) as error:
                reason = f"{self._hosts[0]}: {error or type(error).__name__}"
                await self._next_host()
                if len(open_) == len(groups):
                    raise Unavailable(reason) from error
                again += [(index, reason) for left in open_.values() for index in left]
                break
            del open_[key]
        return Sent(again=sorted(again), dead=sorted(dead))

    async def _write(self, key: bytes, messages: list[bytes]) -> str:
        """Writes them at once; says why they must wait, if they must."""
        client_, bound = self._connected(), self._options.congestion_threshold
        if self._options.data_type == "list":
            if bound and await client_.llen(key) > bound:
                return f"the list {key.decode()} has more than {bound} elements"
            await client_.rpush(key, *messages)
            return ""
        async with client_.pipeline(transaction=False) as together:
            for message in messages:
                together.publish(key, message)
            await together.execute()
        return ""

    def _connected(self) -> Redis:
        if self._client is None:
            name, colon, port = self._hosts[0].rpartition(":")
            address = (name, int(port)) if colon else (self._hosts[0], self._options.port)
            self._client = client(self._options, self._context, *address)
        return self._client

    async def _next_host(self) -> None:
        await self.close()
        self._hosts.append(self._hosts.pop(0))

    async def close(self) -> None:
        """Closes the connections."""
        if self._client is not None:
            await self._client.aclose()
            self._client = None


def _renderer(options: Options) -> Callable[[Event, bytearray], None]:
    key, encode = options.key.render, options.codec.encode

    def render(event: Event, body: bytearray) -> None:
        name = key(event).encode()
        if b"\0" in name:
            raise ValueError("the name of a list holds a zero byte")
        body += name
        body += b"\0"
        body += encode(event)

    return render
