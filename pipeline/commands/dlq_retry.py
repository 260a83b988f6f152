"""Delivering dead letters once more: their items to an output, or their originals through a configuration."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sys
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path

from pipeline.clock import SystemClock
from pipeline.commands.arguments import Arguments
from pipeline.commands.dlq_selection import Selection, report
from pipeline.commands.faults import print_faults
from pipeline.commands.logs import configure
from pipeline.config.building import build
from pipeline.config.check import CheckedPlugin
from pipeline.config.plan import Plan, make_plan
from pipeline.delivery.dead_letters import DeadLetterQueue
from pipeline.delivery.resending import Ended, Originals, resend
from pipeline.delivery.retry import Courier
from pipeline.delivery.worker import Source
from pipeline.disk.letters import Letter, letters
from pipeline.disk.removals import exclusive
from pipeline.errors import ApexLogsError, ConfigurationError, StoreError
from pipeline.grammar.faults import Fault
from pipeline.grammar.sources import Source as Text
from pipeline.metrics import Counters
from pipeline.pipelines.links import refuse_handing_over
from pipeline.plugin import Output, PluginContext
from pipeline.runtime import Pipeline, backoff_of, bounds_of
from pipeline.settings.logstash_yml import Settings

_SHOWN = 10

_STAND_INS = {
    "beats": "beats { port => 0 }",
    "file": 'file { path => "/dead_letters" sincedb_path => "/dev/null" }',
    "generator": "generator {}",
    "http": "http { port => 0 }",
    "kafka": 'kafka { bootstrap_servers => "127.0.0.1:1" topics => ["dead_letters"] }',
    "syslog": "syslog { port => 0 }",
    "tcp": "tcp { port => 0 }",
    "udp": "udp { port => 0 }",
    "": "stdin { codec => json }",
}
"""What decodes the original where the configuration has no input of that kind. Without an input, it is a document that
a filter made; the others are lines."""


def retry_letters(arguments: Arguments, selection: Selection, *, items: bool, output: str | None) -> int:
    """Delivers the letters that are meant, and removes those that have their end."""
    try:
        read, plan = arguments.read()
        refuse_handing_over(plan)
        settings = _boundless(read.settings)
        configure(settings.log_level, settings.log_format)
        work = _Items(settings, plan, output) if items else _Originals(settings, plan)
    except ConfigurationError as error:
        print_faults(error)
        return 2
    folder, damages = settings.dead_letters, list[StoreError]()
    if not folder.exists():
        return report([], selection.missing([])) or _summary(0, Ended(folder), work.counters)
    ended = Ended(folder)
    try:
        with exclusive(folder):
            chosen = [letter.name for letter in selection.letters(folder, damages.append)]
            asyncio.run(_until_stopped(work, folder, chosen, ended))
    except (ApexLogsError, OSError, ExceptionGroup) as error:
        for leaf in error.exceptions if isinstance(error, ExceptionGroup) else [error]:
            print(f"apex-logs: {leaf}", file=sys.stderr)
        return 1
    code = _summary(len(chosen), ended, work.counters)
    return report(damages, selection.missing(chosen)) or code


def _boundless(settings: Settings) -> Settings:
    """Without a bound: a letter that dies again must find room, as the old one is removed only then."""
    return settings.model_copy(update={"dead_letter_queue_max_bytes": sys.maxsize})


async def _until_stopped(work: _Items | _Originals, folder: Path, chosen: Sequence[str], ended: Ended) -> None:
    task = asyncio.current_task()
    assert task is not None
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, task.cancel)
    with contextlib.suppress(asyncio.CancelledError):
        async with ended.written():
            await work.run(_Chosen(folder, frozenset(chosen)), ended)


@dataclass(frozen=True, slots=True)
class _Chosen:
    """The letters that were chosen, read anew each time: what has come since is not among them."""

    folder: Path
    names: frozenset[str]
    kind: str | None = None
    """Only those that an input of that name took."""

    def __iter__(self) -> Iterator[Letter]:
        for letter in letters(self.folder, lambda _: None):
            if letter.name in self.names and self.kind in (None, letter.input):
                yield letter


def _summary(asked: int, ended: Ended, counters: Counters) -> int:
    for name, why in islice(ended.left.items(), _SHOWN):
        print(f"apex-logs: {name} stays: {why}", file=sys.stderr)
    if len(ended.left) > _SHOWN:
        print(f"apex-logs: and {len(ended.left) - _SHOWN} more stay", file=sys.stderr)
    print(f"{ended.removed} of {asked} dead letters are retried and removed: {_fates(counters)}")
    return int(ended.removed < asked)


def _fates(counters: Counters) -> str:
    fates = {
        "delivered": counters.delivered,
        "there before": counters.duplicates,
        "dead again": counters.dead,
        "routed to no output": counters.unrouted,
    }
    return ", ".join(f"{number} {what}" for what, number in fates.items() if number or what == "delivered")


# ---------------------------------------------------------------------------------------------- items


class _Items:
    """Sends items as they are to the outputs that refused them."""

    def __init__(self, settings: Settings, plan: Plan, output: str | None) -> None:
        self.counters = Counters()
        self._settings = settings
        self._outputs = plan.section("output")
        self._forced = output
        if output is not None and output not in [checked.label for checked in self._outputs]:
            raise ConfigurationError([Fault(f'there is no output "{output}" in the configuration; {self._there()}')])

    async def run(self, chosen: _Chosen, ended: Ended) -> None:
        """Returns when every item has its end."""
        by_output: dict[int, set[str]] = {}
        for letter in chosen:
            place = self._place(letter, ended)
            if place is not None:
                by_output.setdefault(place, set()).add(letter.name)
        queue = DeadLetterQueue(self._settings.dead_letters, self._settings.pipeline_id, bounds_of(self._settings))
        try:
            for place, names in by_output.items():
                await self._send(self._outputs[place], queue, (item for item in chosen if item.name in names), ended)
        finally:
            queue.close()

    async def _send(
        self, checked: CheckedPlugin, queue: DeadLetterQueue, items: Iterable[Letter], ended: Ended
    ) -> None:
        output = _built(checked, _context(self._settings))
        backoff = backoff_of(output, self._settings)
        courier = Courier(output, checked.label, queue, self.counters, backoff, kind=checked.module.name)
        try:
            await resend(items, courier, ended)
        finally:
            await output.close()

    def _place(self, letter: Letter, ended: Ended) -> int | None:
        """Which output takes the letter; None, with the reason among those left, if none does."""
        if letter.item is None:
            ended.left[letter.name] = "it has no item, as it came to no output; run its original with -f CONF"
            return None
        wanted = self._forced or letter.record["plugin"]
        fitting = [place for place, checked in enumerate(self._outputs) if checked.label == wanted]
        if not fitting:
            kind = letter.plugin_type
            fitting = [place for place, checked in enumerate(self._outputs) if checked.module.name == kind]
        if len(fitting) == 1:
            return fitting[0]
        ended.left[letter.name] = f'the configuration does not say which output "{wanted}" is now; {self._there()}'
        return None

    def _there(self) -> str:
        names = ", ".join(f'"{checked.label}"' for checked in self._outputs) or "none"
        return f"it has {names}: name one with --output"


def _built(checked: CheckedPlugin, context: PluginContext) -> Output:
    try:
        made: Output = checked.module.built(checked.options, context)
    except (ValueError, OSError) as error:
        raise ConfigurationError([Fault(f"{checked.module.name}: {error}", checked.node.name_span)]) from None
    return made


def _context(settings: Settings) -> PluginContext:
    return PluginContext(
        settings.pipeline_id,
        settings.path_data,
        SystemClock(),
        lambda seconds, call: None,
        lambda text: print(f"apex-logs: {text}", file=sys.stderr),
    )


# ---------------------------------------------------------------------------------------------- originals


class _Originals:
    """Runs originals through a configuration, in place of its inputs."""

    def __init__(self, settings: Settings, plan: Plan) -> None:
        if not plan.section("output"):
            raise ConfigurationError([Fault("the configuration has no output: letters would be removed undelivered")])
        self._settings = settings
        self._pipeline = Pipeline(settings, plan)
        self.counters = self._pipeline.counters

    async def run(self, chosen: _Chosen, ended: Ended) -> None:
        """Returns when every event has its end."""
        known = {source.kind: source for source in reversed(self._pipeline.sources)}
        kinds = {letter.input for letter in chosen}
        sources = []
        for kind in sorted(kinds):
            source = known.get(kind) or self._stand_in(kind)
            originals = Originals(replace(chosen, kind=kind), source.input, ended)
            sources.append(Source(originals, source.decorate, source.label, kind))
        self._pipeline.take_from(sources)
        await self._pipeline.run()

    def _stand_in(self, kind: str) -> Source:
        text = f"input {{ {_STAND_INS.get(kind, 'stdin {}')} }}"
        ecs = self._settings.pipeline_ecs_compatibility
        plan = make_plan([Text("dlq retry", text)], ecs_compatibility=ecs, environment=os.environ)
        [made] = build(plan, _context(self._settings)).inputs
        return Source(made.input, made.decorate, made.label, kind)
