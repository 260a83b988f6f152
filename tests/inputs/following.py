"""A file input that a test runs pass by pass."""

import asyncio
from pathlib import Path

from pipeline.codecs import plain
from pipeline.disk.sincedb import Key, read_line
from pipeline.inputs import file
from pipeline.plugin import PluginContext

PLAIN = plain.build(plain.Options(ecs_compatibility="disabled"))


class Clock:
    def __init__(self):
        self.time = 1_700_000_000.0

    def now(self):
        return self.time

    monotonic = now


class Following:
    """A file input that is run pass by pass; what it gives out ends when the test says so."""

    def __init__(self, folder, clock=None, **options):
        self.folder, self.clock = folder, clock or Clock()
        self.warnings = []
        defaults = {
            "path": [f"{folder}/*.log"],
            "codec": PLAIN,
            "ecs_compatibility": "disabled",
            "sincedb_path": f"{folder}/sincedb",
        }
        context = PluginContext("main", folder, self.clock, lambda seconds, call: None, self.warnings.append)
        self.input = file.build(file.Options(**{**defaults, **options}), context)
        self.held = []

    def passes(self, *, end=True, seconds=20.0):
        """The events of the next pass."""

        async def run():
            batches = self.input.batches()
            events = []
            self.input._rest = idle
            try:
                async for batch in batches:
                    events += self.input.decode(batch.data, batch.origin, None)
                    self.held.append(batch)
                    if end:
                        self.held.pop().end(1)
            except _IdleError:
                pass
            await batches.aclose()
            self.input.save()
            return events

        async def idle():
            raise _IdleError

        self.clock.time += seconds
        return asyncio.run(run())

    def lines(self, **options):
        return [event.fields["message"] for event in self.passes(**options)]

    def position(self, path):
        key = Key.of(Path(path).stat())
        return dict(map(read_line, (self.folder / "sincedb").read_text().splitlines()))[key].position

    def close(self):
        asyncio.run(self.input.close())


class _IdleError(Exception):
    pass


def write(path, text, mode="a"):
    with Path(path).open(mode) as out:
        out.write(text)
