"""`apex-logs run`: one pipeline in this process, its signals, and its reload."""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import gc
import logging
import os
import resource
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from pipeline.cli.arguments import Arguments
from pipeline.cli.faults import print_faults
from pipeline.cli.logs import configure
from pipeline.config.logstash_yml import Settings
from pipeline.config.plan import Plan
from pipeline.errors import ApexLogsError, ConfigurationError
from pipeline.monitoring.listening import listening, tls_of
from pipeline.monitoring.node import Node
from pipeline.monitoring.systemd import Systemd
from pipeline.monitoring.traces import Traces, tracing
from pipeline.runtime import Pipeline, background

if TYPE_CHECKING:
    from pipeline.front.front import Front

log = logging.getLogger("apex.cli")

FAREWELL = 3.0
"""Seconds in which connections are closed and files are written when `shutdown.timeout` is over."""
RELOAD_PATIENCE = 30.0
"""Seconds that a reload waits for the running configuration to deliver what is in flight."""


_LATER = {signal.SIGHUP}
"""A reload that is asked for before there is what it could reload: it waits, where it would end the process."""


def run_pipeline(arguments: Arguments) -> int:
    """Runs until the inputs end or a signal comes; returns the exit code."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, _LATER)
    try:
        return _run(arguments)
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _run(arguments: Arguments) -> int:
    try:
        read, plan = arguments.read()
        settings = read.settings
        if arguments.test or settings.config_test_and_exit:
            print("Configuration OK")
            return 0
        configure(settings.log_level, settings.log_format)
        for warning in [*read.warnings, *plan.warnings]:
            log.warning("%s", warning)
        _raise_descriptor_limit()
        if settings.api_enabled:
            tls_of(settings)  # what is wrong with it is known before anything starts
        traces = tracing(settings, os.environ)
        first = _made(settings, plan, traces)
    except ConfigurationError as error:
        print_faults(error)
        return 2
    keep_freed_memory()
    collect_seldom()
    try:
        with asyncio.Runner(loop_factory=loop_factory()) as runner:
            return runner.run(_Service(arguments, settings, first, traces).run())
    except (ApexLogsError, OSError, ExceptionGroup) as error:
        for leaf in leaves(error):
            log.error("%s", leaf, exc_info=None if isinstance(leaf, ApexLogsError | OSError) else leaf)
        return 1
    finally:
        if traces is not None:
            traces.close()


def _made(settings: Settings, plan: Plan, traces: Traces | None) -> Pipeline | Front:
    """The pipeline, in this process or in several; raises `ConfigurationError`."""
    pipeline, workers = Pipeline(settings, plan, tracer=traces), settings.pipeline_workers
    if workers == 1:
        return pipeline
    if reason := pipeline.why_alone:
        log.warning("one process, not %d workers: %s", workers, reason)
        return pipeline
    from pipeline.front.front import Front

    return Front(settings, plan, workers)


class _Service:
    """The pipeline that runs, and the one that takes its place at a reload."""

    def __init__(
        self, arguments: Arguments, settings: Settings, first: Pipeline | Front, traces: Traces | None = None
    ) -> None:
        self._traces = traces
        self._node = Node(settings)
        self._arguments = arguments
        self._settings = settings
        self._current = first
        self._next: Pipeline | Front | None = None
        self._running: asyncio.Task[None] | None = None
        self._stopping = False
        self._gave_up = False
        self._patience: asyncio.TimerHandle | None = None
        """Runs out while a reload waits for the running configuration."""
        self._late = False
        """`shutdown.timeout` ran out."""
        self._systemd = Systemd(os.environ)
        self._announced: asyncio.Task[None] | None = None
        """Waits until what runs is ready after a reload."""

    async def run(self) -> int:
        """Runs pipelines, one after the other, until one ends that no other follows; returns the exit code."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, self._stop)
        loop.add_signal_handler(signal.SIGHUP, self._reload)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, _LATER)
        watching = [self._systemd.watch()]
        if self._settings.config_reload_automatic:
            watching.append(self._watch())
        with background(*watching):
            async with listening(self._node):
                await self._in_turn()
        return 1 if self._late else 0

    async def _in_turn(self) -> None:
        while True:
            self._node.pipelines = {self._current.settings.pipeline_id: self._current}
            self._running = asyncio.create_task(self._current.run())
            try:
                with background(self._announce()):
                    await self._running
            except asyncio.CancelledError:
                if self._late:
                    return
                if not self._gave_up:
                    raise
                self._gave_up = False
                log.warning("what the old configuration could not deliver was not acknowledged; senders send it again")
            self._be_patient()
            log.info("drained", extra=self._current.counters.as_dict())
            if self._next is None:
                self._systemd.stopping()
                return
            self._current, self._next = self._next, None
            self._node.reloads.succeeded()
            log.info("reloaded")

    async def _announce(self) -> None:
        """Tells systemd that what runs now is ready, when it is."""
        await self._current.ready.wait()
        if not self._stopping:
            self._systemd.ready()

    async def _watch(self) -> None:
        """Reloads when the text of the configuration has changed."""
        known = self._texts()
        while True:
            await asyncio.sleep(self._settings.config_reload_interval)
            texts = await asyncio.to_thread(self._texts)
            if texts != known:
                known = texts
                self._reload()

    def _texts(self) -> list[str]:
        try:
            return [source.text for source in self._arguments.sources(self._settings)]
        except ConfigurationError:  # a file is just being replaced, or gone: the reload says so
            return []

    def _stop(self) -> None:
        if self._stopping:
            log.error("stopped at once; what was not acknowledged will be sent again")
            sys.stderr.flush()
            os._exit(1)
        log.info("draining; once more stops at once")
        self._stopping = True
        self._next = None
        self._be_patient()
        self._systemd.stopping()
        if (bound := self._current.settings.shutdown_timeout) is not None:
            asyncio.get_running_loop().call_later(bound, self._out_of_time, bound)
        self._current.stop()

    def _out_of_time(self, bound: float) -> None:
        """Ends with what is in flight: connections are closed, and nothing of it is acknowledged."""
        if self._running is None or self._running.done():
            return
        queue = self._current.queue
        log.error(
            "shutdown.timeout (%g s) is over: %s were not delivered; %s",
            bound,
            self._current.unfinished,
            f"the queue on disk keeps {queue.events} batches"
            if queue.kind == "persisted"
            else "they were not acknowledged, and who can send them again does",
        )
        self._late = True
        self._running.cancel()
        last = threading.Timer(FAREWELL, os._exit, (1,))  # what hangs even so, be it a thread, is left behind
        last.daemon = True
        last.start()

    def _reload(self) -> None:
        if self._stopping:
            return
        if self._running is not None:
            self._systemd.reloading()
        if not self._takes_over() and self._running is not None:
            self._announced = asyncio.get_running_loop().create_task(self._announce())

    def _takes_over(self) -> bool:
        """Whether another pipeline is to follow; else the one that runs goes on, with the new configuration or not."""
        try:
            read, plan = self._arguments.read()
            if any(checked.module.name == "stdin" for checked in self._current.plan.section("input")):
                log.error("standard input cannot be handed on: a configuration that reads it is not reloaded")
                return False
            for warning in [*read.warnings, *plan.warnings]:
                log.warning("%s", warning)
            following = _made(read.settings, plan, self._traces)
            if self._replaces(following) or self._rolls(following):
                self._node.reloads.succeeded()
                return False
        except ConfigurationError as error:
            log.error("the new configuration has faults; the running one goes on\n%s", error)
            self._node.reloads.failed(str(error))
            return False
        self._next = following
        self._current.stop()
        # Where the old outputs are stuck, the new configuration may be the remedy: it must not wait for them for ever.
        assert self._running is not None
        self._be_patient()
        self._patience = asyncio.get_running_loop().call_later(RELOAD_PATIENCE, self._give_up)
        return True

    def _replaces(self, following: Pipeline | Front) -> bool:
        """Whether nothing runs yet, so that it can be this that runs."""
        if self._running is not None:
            return False
        self._current = following
        return True

    def _rolls(self, following: Pipeline | Front) -> bool:
        """Whether the workers go over one by one, as the inputs are the same, and nobody has to wait."""
        current = self._current
        if isinstance(current, Pipeline) or isinstance(following, Pipeline) or self._next is not None:
            return False
        return current.reload(following)

    def _give_up(self) -> None:
        assert self._running is not None
        self._gave_up = True
        self._running.cancel()

    def _be_patient(self) -> None:
        """Waits without end again: the reload is done, or given up for a stop, which drains."""
        if self._patience is not None:
            self._patience.cancel()
            self._patience = None


def collect_seldom() -> None:
    """What is alive now lives as long as the process: the garbage collector need not look at it again."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 50)


def keep_freed_memory(arenas: int | None = None) -> None:
    """Lets glibc keep what large bodies free, in place of giving it back and asking again: fewer page faults.

    Measured: 4 % of the CPU time. M_TRIM_THRESHOLD is -1, M_MMAP_THRESHOLD is -3 and M_ARENA_MAX is -8 in mallopt(3).
    With `arenas`, threads share so many: what one of them allocates and another frees then stays in one place.
    """
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (OSError, AttributeError):  # another C library
        return
    for parameter in (-1, -3):
        mallopt(parameter, 256 << 20)
    if arenas is not None:
        mallopt(-8, arenas)


def _raise_descriptor_limit() -> None:
    """As many connections and files as the system allows; the usual limit, 1024, is for programs that use select."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != hard:
        with contextlib.suppress(ValueError, OSError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def loop_factory() -> Callable[[], asyncio.AbstractEventLoop] | None:
    """uvloop's event loops, where it is installed."""
    try:
        import uvloop
    except ImportError:
        return None
    return uvloop.new_event_loop


def leaves(error: BaseException) -> Iterator[BaseException]:
    """The exceptions in a group, or the one that it is."""
    if isinstance(error, BaseExceptionGroup):
        for inner in error.exceptions:
            yield from leaves(inner)
    else:
        yield error
