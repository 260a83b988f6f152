"""A worker process: a whole pipeline, whose inputs are what the front deals. It is started by the front alone.

python -m pipeline.commands.worker SOCKET PROGRESS        two file descriptors
"""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import sys
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace
from mmap import mmap
from typing import Any

from pipeline.commands.logs import configure
from pipeline.commands.run import collect_seldom, keep_freed_memory, loop_factory
from pipeline.config.plan import make_plan
from pipeline.delivery import worker as delivery
from pipeline.errors import ApexLogsError
from pipeline.front.dealt import DealtInput, attend, runs_itself
from pipeline.front.watched import SIZE, WatchedInput
from pipeline.front.wire import Kind, packed, receive
from pipeline.grammar.sources import Source
from pipeline.monitoring.traces import Traces, tracing
from pipeline.plugin import Seat
from pipeline.runtime import Pipeline, Place, Voice
from pipeline.settings.logstash_yml import Settings

TELL_EVERY = 1.0
"""Seconds between two reports of the counters, by which the front also knows that the worker does not hang."""


def main(arguments: list[str]) -> int:
    """Works until the front says stop, or is gone; returns the exit code."""
    # Signals of the terminal and of systemd reach every process of the group; what they mean, the front decides.
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    channel, progress = (int(argument) for argument in arguments)
    keep_freed_memory()
    with asyncio.Runner(loop_factory=loop_factory()) as runner:
        return runner.run(_work(socket.socket(fileno=channel), mmap(progress, SIZE)))


async def _work(channel: socket.socket, progress: mmap) -> int:
    reader, writer = await asyncio.open_unix_connection(sock=channel)
    first = await receive(reader)
    if first is None or first.kind is not Kind.PLAN:
        return 1
    try:
        settings = Settings(**first.head["settings"])
        configure(settings.log_level, settings.log_format)
        traces = tracing(settings, os.environ)
        pipeline = _built(settings, first.head, traces)
        if "replay" in first.head:
            from pipeline.replay.engine import replay_in_worker

            replay_in_worker(pipeline, first.head["replay"])
    except ApexLogsError as error:
        print(f"a worker cannot be built: {error}", file=sys.stderr)
        return 2
    inputs = {
        number: DealtInput(source.input, writer.write, progress)
        for number, source in enumerate(pipeline.sources)
        if not runs_itself(source.input, settings)
    }
    pipeline.take_from(_sources(pipeline, inputs, first.head, progress))
    collect_seldom()
    writer.write(packed(Kind.READY))
    telling = asyncio.create_task(_tell(pipeline, writer))
    attending = asyncio.create_task(attend(reader, inputs, pipeline.stop))
    try:
        await pipeline.run()
    finally:
        telling.cancel()
        attending.cancel()
        with suppress(ConnectionError):
            writer.write(packed(Kind.COUNTS, _counts(pipeline)))
            await writer.drain()
        writer.close()
        if traces is not None:
            await asyncio.to_thread(traces.close)
    return 0


def _sources(
    pipeline: Pipeline, dealt: Mapping[int, DealtInput], head: dict[str, Any], progress: mmap
) -> list[delivery.Source]:
    """What the front deals, and the inputs that a worker runs itself; who has a suspect reads nothing else."""
    return [
        replace(source, input=dealt.get(number) or WatchedInput(source.input, number, progress, head["suspects"]))
        for number, source in enumerate(pipeline.sources)
        if number in dealt or not head["alone"]
    ]


def _built(settings: Settings, head: dict[str, Any], traces: Traces | None) -> Pipeline:
    plan = make_plan(
        [Source(name, text) for name, text in head["sources"]],
        ecs_compatibility=head["ecs_compatibility"],
        support_escapes=head["support_escapes"],
        environment=os.environ,
        instead={name: (plugin, options) for name, (plugin, options) in head["instead"].items()},
        inputs_host=head["inputs_host"],
    )
    place = Place(Seat(*head["seat"]))
    return Pipeline(settings, plan, tracer=traces, voice=Voice(silent=True), place=place)  # the front has said it


async def _tell(pipeline: Pipeline, writer: asyncio.StreamWriter) -> None:
    while True:
        await asyncio.sleep(TELL_EVERY)
        writer.write(packed(Kind.COUNTS, _counts(pipeline)))


def _counts(pipeline: Pipeline) -> dict[str, Any]:
    in_flight = pipeline.in_flight
    return pipeline.counters.snapshot() | {
        "in_flight": [in_flight.events, in_flight.bytes],
        "lags": [[label, *lag] for label, lag in pipeline.lags()],
    }


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
