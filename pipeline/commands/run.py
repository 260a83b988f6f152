"""`apex-logs run`: the pipelines of the configuration, in this process or in several."""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import gc
import logging
import os
import resource
import signal
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from pipeline.bus import Bus
from pipeline.commands.arguments import Arguments
from pipeline.commands.check import report
from pipeline.commands.faults import print_faults
from pipeline.commands.logs import configure
from pipeline.config.plan import Plan
from pipeline.errors import ConfigurationError
from pipeline.monitoring.listening import tls_of
from pipeline.monitoring.traces import Traces, tracing
from pipeline.pipelines.chosen import Chosen
from pipeline.pipelines.service import LATER, Service
from pipeline.runtime import Pipeline, Place
from pipeline.settings.logstash_yml import Settings

if TYPE_CHECKING:
    from pipeline.front.front import Front

log = logging.getLogger("apex.cli")


def run_pipeline(arguments: Arguments) -> int:
    """Runs until the inputs end or a signal comes; returns the exit code."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, LATER)
    try:
        return _run(arguments)
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _run(arguments: Arguments) -> int:
    try:
        every = arguments.read_all()
        settings = every[0].settings
        if arguments.test or settings.config_test_and_exit:
            return report(every) or _fine()
        configure(settings.log_level, settings.log_format)
        for chosen in every:
            for warning in chosen.warnings:
                log.warning("%s", warning)
        _raise_descriptor_limit()
        if settings.api_enabled:
            tls_of(settings)  # what is wrong with it is known before anything starts
        traces = tracing(settings, os.environ)
        service = Service(_Configured(arguments), settings, partial(_made, traces))
        if not service.begin(every):
            return 2
    except ConfigurationError as error:
        print_faults(error)
        return 2
    keep_freed_memory()
    collect_seldom()
    try:
        with asyncio.Runner(loop_factory=loop_factory()) as runner:
            return runner.run(service.run())
    finally:
        if traces is not None:
            traces.close()


def _fine() -> int:
    print("Configuration OK")
    return 0


@dataclass(frozen=True, slots=True)
class _Configured:
    """The arguments, as the service asks them."""

    arguments: Arguments

    def read(self) -> Sequence[Chosen]:
        return self.arguments.read_all()

    def texts(self) -> object:
        return self.arguments.texts()


def _made(traces: Traces | None, settings: Settings, plan: Plan, bus: Bus) -> Pipeline | Front:
    """The pipeline, in this process or in several; raises `ConfigurationError`."""
    pipeline, workers = Pipeline(settings, plan, tracer=traces, place=Place(bus=bus)), settings.pipeline_workers
    if workers == 1:
        return pipeline
    if reason := pipeline.why_alone:
        log.warning("one process, not %d workers: %s", workers, reason)
        return pipeline
    from pipeline.front.front import Front

    return Front(settings, plan, workers)


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
