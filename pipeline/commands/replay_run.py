"""`apex-logs replay`: looks what there is, then delivers it, until its end or a signal."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import signal
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from time import monotonic

from pipeline.commands.arguments import Arguments
from pipeline.commands.faults import print_faults
from pipeline.commands.logs import configure
from pipeline.commands.replay_name import name
from pipeline.commands.replay_request import Request
from pipeline.commands.run import collect_seldom, keep_freed_memory, loop_factory
from pipeline.config.plan import Plan
from pipeline.errors import ApexLogsError, ConfigurationError, leaves
from pipeline.front.front import Front
from pipeline.grammar.faults import Fault
from pipeline.pipelines.links import refuse_handing_over
from pipeline.replay import engine
from pipeline.replay.archive import Archive, NotThere
from pipeline.replay.archives import find
from pipeline.replay.checkpoint import Checkpoint, forget
from pipeline.replay.dry import Counting
from pipeline.replay.kinds import SHOWN, Kind
from pipeline.replay.looking import Times, look
from pipeline.replay.progress import State, telling
from pipeline.replay.source import Replay, Terms
from pipeline.replay.summary import summary, sums
from pipeline.replay.times import finds_time
from pipeline.replay.wishes import Wishes
from pipeline.runtime import Pipeline, background
from pipeline.settings.logstash_yml import Settings

log = logging.getLogger("apex.replay")

DONE, STOPPED, WRONG, DAMAGED = 0, 1, 2, 3
_SHOWN = 20
"""Archives that are named one by one."""
SAVE_EVERY = 1.0
"""Seconds: what was delivered since the last save is sent again after a crash, and found out by its ids."""


def replay_archives(arguments: Arguments, request: Request) -> int:
    """Returns the exit code."""
    wishes, terms = request.wishes(), request.terms()
    try:
        read, plan = arguments.read()
        refuse_handing_over(plan)
        settings = _settings(read.settings, plan)
        configure(settings.log_level, settings.log_format)
        archives = find(request.paths)
        times = Times(terms.clock, wishes.mtime or finds_time(plan), given=terms.kind is not None)
        terms = replace(terms, refuses=times.missing)
        if not _looked(archives, terms, times, quiet=request.quiet):
            return WRONG
        with _folders(settings, request) as (own, folder):
            job = _Job(own, plan, archives, terms, wishes)
            return (
                _dry(job, request)
                if folder is None
                else _real(job, request, folder / name(own, plan, request, os.environ))
            )
    except ConfigurationError as error:
        print_faults(error)
        return WRONG
    except NotThere as error:
        for problem in error.problems:
            print(f"apex-logs: {problem}", file=sys.stderr)
        return WRONG
    except (ApexLogsError, OSError, ExceptionGroup) as error:
        for leaf in leaves(error):
            log.error("%s", leaf, exc_info=None if isinstance(leaf, ApexLogsError | OSError) else leaf)
        return STOPPED


@dataclass(frozen=True, slots=True)
class _Job:
    """What is replayed through what."""

    settings: Settings
    plan: Plan
    archives: Sequence[Archive]
    terms: Terms
    wishes: Wishes


def _settings(settings: Settings, plan: Plan) -> Settings:
    """Archives can be read again: no queue stands between."""
    if not plan.section("output"):
        raise ConfigurationError([Fault("the configuration has no output: there is nowhere to replay to")])
    return settings.model_copy(update={"queue_type": "memory"})


@contextlib.contextmanager
def _folders(settings: Settings, request: Request) -> Iterator[tuple[Settings, Path | None]]:
    """The settings, and where checkpoints are; a dry run has none, and its dead letters are thrown away."""
    if request.sample is None:
        yield settings, settings.path_data / "replay"
        return
    with tempfile.TemporaryDirectory(prefix="apex-logs-dry-") as folder:
        yield settings.model_copy(update={"path_dead_letter_queue": Path(folder)}), None


def _looked(archives: Sequence[Archive], terms: Terms, times: Times, *, quiet: bool) -> bool:
    """Says what is in each archive; False, with the reasons, where one of them cannot be replayed."""
    found, fine = Counter[Kind](), True
    for entry, reason in look(archives, terms.bound, terms.kind, times):
        found[entry.kind] += 1
        if reason:
            fine = False
            print(f"apex-logs: {entry.path}: {reason}", file=sys.stderr)
        elif not quiet and len(archives) <= _SHOWN and (entry.head or entry.whole):
            _say_kind(entry.path, entry.kind, terms)
    for kind, count in found.items() if not quiet and len(archives) > _SHOWN else ():
        _say_kind(f"{count:,} archives", kind, terms)
    return fine


def _say_kind(what: str, kind: Kind, terms: Terms) -> None:
    print(f"{what}: {SHOWN[kind]}{'' if terms.kind else '; --format overrides'}", file=sys.stderr)


# ---------------------------------------------------------------------------------------------- for real


def _real(job: _Job, request: Request, folder: Path) -> int:
    if request.restart:
        forget(folder)
    checkpoint = Checkpoint(folder)
    try:
        begun = checkpoint.begun_with({"since": job.wishes.since or "", "until": job.wishes.until or ""})
        # `-7d` means what it meant when the replay was begun
        wishes = replace(job.wishes, since=begun["since"] or None, until=begun["until"] or None)
        _say_times(request, job.wishes, wishes)
        pipeline = Pipeline(job.settings, job.plan)
        workers = _workers(job.settings, pipeline)
        terms = replace(job.terms, readers=min(workers, len(job.archives)))
        replay = engine.made(pipeline, job.archives, terms, wishes, checkpoint)
        running: Pipeline | Front = (
            engine.replaying(pipeline, replay, wishes)
            if workers == 1
            else engine.front(job.settings, job.plan, workers, replay, wishes)
        )
        _to_its_end(running, replay, job, quiet=request.quiet)
        return _told(replay, job.settings.dead_letters, quiet=request.quiet)
    finally:
        checkpoint.close()


def _say_times(request: Request, asked: Wishes, meant: Wishes) -> None:
    """Says where an age is not that of today."""
    for option, given, now, then in (
        ("--from", request.since, asked.since, meant.since),
        ("--to", request.until, asked.until, meant.until),
    ):
        if now != then and not request.quiet:
            told = f"{option} {given} is {then}, as when this replay was begun; --restart takes it anew"
            print(f"apex-logs: {told}", file=sys.stderr)


def _workers(settings: Settings, pipeline: Pipeline) -> int:
    workers = settings.pipeline_workers
    if workers > 1 and (reason := pipeline.why_alone):
        log.warning("one process, not %d workers: %s", workers, reason)
        return 1
    return workers


def _to_its_end(running: Pipeline | Front, replay: Replay, job: _Job, *, quiet: bool) -> None:
    keep_freed_memory(arenas=1)  # blocks are read in one thread and freed in another: memory stays flat
    collect_seldom()
    state = State(job.archives, lambda: replay.tally, lambda: len(replay.problems), monotonic())
    with asyncio.Runner(loop_factory=loop_factory()) as runner:
        runner.run(_delivered(running, replay, state, quiet=quiet))


async def _delivered(running: Pipeline | Front, replay: Replay, state: State, *, quiet: bool) -> None:
    def stop() -> None:
        if replay.stopped:
            os._exit(STOPPED)  # what was delivered and not saved is sent again, and found out by its ids
        log.warning("what is under way is delivered first; once more stops at once")
        running.stop()
        if (bound := running.settings.shutdown_timeout) is not None:
            loop.call_later(bound, _out_of_time, bound)

    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop)
    try:
        async with telling(state, quiet=quiet):
            with background(_saving(replay)):
                await running.run()
            await replay.save()
    finally:
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.remove_signal_handler(number)


def _out_of_time(bound: float) -> None:
    log.error("shutdown.timeout (%g s) is over: the same command sends what was not delivered", bound)
    sys.stderr.flush()
    os._exit(STOPPED)


async def _saving(replay: Replay) -> None:
    while True:
        await asyncio.sleep(SAVE_EVERY)
        await replay.save()


def _told(replay: Replay, letters: Path, *, quiet: bool, dry: bool = False) -> int:
    tally = replay.tally
    for line in summary(tally, replay.before, dry=dry) if not quiet else ():
        print(line)
    for (what, plugin, reason), count in tally.items():
        if what == "dead" and count:
            print(f"apex-logs: {count:,} dead letter{'s' * (count > 1)} of {plugin}: {reason}", file=sys.stderr)
    if not dry and sums(tally)["dead"]:
        print(f"apex-logs: they are in {letters}; `apex-logs dlq list` and `dlq show` say why", file=sys.stderr)
    if replay.problems:
        paths = list(dict.fromkeys(problem.path for problem in replay.problems))
        some = ", ".join(paths[:_SHOWN]) + (" and others" if len(paths) > _SHOWN else "")
        print(f"apex-logs: not read to the end: {some}", file=sys.stderr)
    if replay.stopped:
        on = "sends again what is not in its checkpoint" if replay.unsaved else "goes on from here"
        print(f"apex-logs: stopped before the end; the same command {on}", file=sys.stderr)
        return STOPPED
    if replay.unsaved:
        print("apex-logs: delivered, but its checkpoint is not: the same command sends it again", file=sys.stderr)
        return STOPPED
    if replay.known and not sums(tally)["read"] and not replay.problems and not quiet:
        print("apex-logs: all of it was delivered before; --restart sends it again", file=sys.stderr)
    return DAMAGED if replay.problems else DONE


# ---------------------------------------------------------------------------------------------- dry


def _dry(job: _Job, request: Request) -> int:
    """Everything but the sending, in one process."""
    pipeline = Pipeline(job.settings, job.plan)
    replay = engine.made(pipeline, job.archives, job.terms, job.wishes, None)
    shown: list[bytes] = []
    engine.replaying(pipeline, replay, job.wishes, lambda output: Counting(output, shown, request.sample or 0))
    _to_its_end(pipeline, replay, job, quiet=request.quiet)
    for item in shown:
        print(item.decode(errors="replace").rstrip("\n"))
    if shown:
        print()
    return _told(replay, job.settings.dead_letters, quiet=False, dry=True)
