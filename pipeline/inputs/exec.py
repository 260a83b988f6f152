"""Run a command now and then; what it prints is an event.

    input { exec { command => "df -k /" interval => 60 } }

The command is run every `interval` seconds or as `schedule` says, by a shell where it has signs of one such as `|` or
`$`, one run at a time; a run that takes longer than its interval is followed by the next at once. Everything that it
prints is given to the codec: one event with `plain`, one a line with `line`. What it prints as errors goes to the log
of this process. A command that is not there is an error in the log, and no event.

An event tells the command, the exit code and how long it took: in `[process][command_line]`, `[process][exit_code]`
and `[@metadata][input][exec][process][elapsed_time]` (in millionths of a second, as Logstash) or, without ECS, in
`command`, `[@metadata][exit_status]` and `[@metadata][duration]` (in seconds). A command that a stop interrupts is
ended. What was printed and not delivered when the process is killed is lost, unless a persistent queue is configured.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import re
import signal
import socket
import time
from collections.abc import AsyncIterator, Iterator
from typing import Annotated, Any, Self

from pydantic import Field, model_validator

from pipeline.batch import Batch, Origin
from pipeline.errors import FieldError
from pipeline.event import Event
from pipeline.field_reference import FieldReference
from pipeline.options import CodecOption, Ecs, InputOptions, Number, Text, default_codec
from pipeline.plugin import PluginContext, Reject
from pipeline.protocols import messages
from pipeline.pulled import Stop, unanswered
from pipeline.schedules import ScheduleOption
from pipeline.sockets.options import warn_of_loss

log = logging.getLogger("apex.input.exec")


class Options(InputOptions):
    """Options of the exec input."""

    command: Annotated[Text, Field(min_length=1, description="What the shell runs.")]
    interval: Annotated[Number | None, Field(ge=0, description="Seconds from one start to the next.")] = None
    schedule: Annotated[
        ScheduleOption | None, Field(description='When to run it, as cron does: `"*/5 * * * *"`; seconds may lead.')
    ] = None
    codec: Annotated[CodecOption, Field(description="How what is printed becomes events.")] = default_codec("plain")
    ecs_compatibility: Annotated[Ecs, Field(description="Which fields tell the command and its end.")] = "v8"

    @model_validator(mode="after")
    def _timed(self) -> Self:
        if (self.interval is None) == (self.schedule is None):
            raise ValueError("give interval or schedule, one of them")
        return self


def build(options: Options, context: PluginContext) -> Exec:
    """Makes the input."""
    warn_of_loss("exec", "commands", context)
    return Exec(options)


class Exec:
    """Its data is one message: what a run printed."""

    def __init__(self, options: Options) -> None:
        self._options = options
        self._decode = messages.decoder(options.codec, _describer(ecs=options.ecs_compatibility != "disabled"))
        self._stop = Stop()
        self._process: asyncio.subprocess.Process | None = None

    async def batches(self) -> AsyncIterator[Batch]:
        """What each run printed."""
        if self._options.schedule is not None:
            await self._until_due(0.0)
        while not self._stop:
            begun = time.monotonic()
            ran = await self._run()
            if ran is not None:
                yield unanswered(messages.packed([ran]))
            await self._until_due(time.monotonic() - begun)

    async def _until_due(self, taken: float) -> None:
        if self._options.schedule is not None:
            now = time.time()
            await self._stop.rest(self._options.schedule.after(now) - now)
        else:
            assert self._options.interval is not None
            await self._stop.rest(self._options.interval - taken)

    async def _run(self) -> tuple[messages.Head, bytes] | None:
        """What one run printed; None where a stop came first, or it cannot be run."""
        begun = time.monotonic()
        try:
            self._process = process = await _started(self._options.command)
        except OSError as error:
            log.error("exec: %s cannot be run: %s", self._options.command, error)
            return None
        if self._stop:
            self._end()
        printed, _ = await process.communicate()
        self._process = None
        if self._stop:
            return None
        code = process.returncode
        status = code if code is not None and code >= 0 else None  # a signal ended it, which is no code
        head = {"command": self._options.command, "status": status, "seconds": time.monotonic() - begun}
        return head, printed

    def _end(self) -> None:
        if self._process is not None and self._process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)

    def stop(self) -> None:
        """Take no more; a command that runs is ended, and what it printed is left."""
        self._stop.set()
        self._end()

    async def close(self) -> None:
        """Nothing is left to free."""

    def decode(self, data: bytes, origin: Origin, reject: Reject) -> Iterator[Event]:
        """The events of what was printed."""
        return self._decode(data, origin, reject)

    def pick(self, data: bytes, origin: Origin, piece: int) -> bytes:
        """All of it: it is one piece."""
        return data


_FOR_A_SHELL = re.compile(r"[*?{}\[\]<>()~&|\\$;'`\"\n#]|^\S*=")
_OF_A_SHELL = {
    *(
        "!",
        ".",
        ":",
        "break",
        "case",
        "continue",
        "do",
        "done",
        "elif",
        "else",
        "esac",
        "eval",
        "exec",
        "exit",
        "export",
    ),
    *(
        "fi",
        "for",
        "if",
        "in",
        "readonly",
        "return",
        "set",
        "shift",
        "then",
        "times",
        "trap",
        "unset",
        "until",
        "while",
    ),
}


async def _started(command: str) -> asyncio.subprocess.Process:
    """The command as a process, with a shell where Ruby's `popen2` takes one; raises `OSError` where there is none."""
    words, (nothing, pipe) = command.split(), (asyncio.subprocess.DEVNULL, asyncio.subprocess.PIPE)
    if not words or _FOR_A_SHELL.search(command) or words[0] in _OF_A_SHELL:
        return await asyncio.create_subprocess_shell(command, stdin=nothing, stdout=pipe, start_new_session=True)
    return await asyncio.create_subprocess_exec(*words, stdin=nothing, stdout=pipe, start_new_session=True)


def _describer(*, ecs: bool) -> messages.Describe:
    host, name = FieldReference("[host][name]" if ecs else "host"), socket.gethostname()
    command = FieldReference("[process][command_line]" if ecs else "command")
    status = FieldReference("[process][exit_code]" if ecs else "[@metadata][exit_status]")
    taken = "[@metadata][input][exec][process][elapsed_time]" if ecs else "[@metadata][duration]"
    seconds = FieldReference(taken)

    def describe(event: Event, head: messages.Head, payload: bytes) -> None:
        _default(event, host, name)
        if not head:
            return
        _default(event, command, head["command"])
        _default(event, status, head["status"])
        seconds.set(event, int(head["seconds"] * 1_000_000) if ecs else head["seconds"])

    return describe


def _default(event: Event, field: FieldReference, value: Any) -> None:
    if field.get(event) is None:
        with contextlib.suppress(FieldError):  # a parent that is no object is the event's own
            field.set(event, value)
