"""The pipelines of a process: started, reloaded one by one, stopped together. One that fails leaves the others alone.

start     every pipeline that can be made
reload    those whose text or settings are others take over; new ones come, those that are gone drain and go
stop      all take no more; those that hand events over end before those that take them
"""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import sys
import threading
from collections.abc import Callable, Sequence
from typing import Protocol

from pipeline.bus import Bus
from pipeline.config.plan import Plan
from pipeline.errors import ConfigurationError
from pipeline.monitoring.listening import listening
from pipeline.monitoring.node import Node
from pipeline.monitoring.systemd import Systemd
from pipeline.pipelines.chosen import Chosen
from pipeline.pipelines.links import addresses, only_fed, targets
from pipeline.pipelines.post import Post, Unit
from pipeline.runtime import background
from pipeline.settings.logstash_yml import Settings

log = logging.getLogger("apex.pipelines")

FAREWELL = 3.0
"""Seconds in which connections are closed and files are written when `shutdown.timeout` is over."""
LATER = {signal.SIGHUP}
"""A reload that is asked for before there is what it could reload: it waits, where it would end the process."""

Make = Callable[[Settings, Plan, Bus], Unit]
"""Makes a pipeline; raises `ConfigurationError`."""


class Configured(Protocol):
    """Where the pipelines come from."""

    def read(self) -> Sequence[Chosen]:
        """All pipelines, as the configuration names them now; raises `ConfigurationError`."""
        ...

    def texts(self) -> object:
        """What the configuration is made of, to see whether it has changed."""
        ...


class Service:
    """All posts of a process."""

    def __init__(self, configured: Configured, settings: Settings, make: Make) -> None:
        self._configured = configured
        self._settings = settings
        self._make = make
        self._bus = Bus()
        self._node = Node(settings)
        self._posts: dict[str, Post] = {}
        self._tasks: dict[Post, asyncio.Task[None]] = {}
        self._begun = False
        self._stopping = False
        self._late = False
        """`shutdown.timeout` ran out."""
        self._failed = False
        self._changed = asyncio.Event()
        self._systemd = Systemd(os.environ)
        self._announced: asyncio.Task[None] | None = None
        """Waits until what runs is ready after a start or a reload."""

    def begin(self, every: Sequence[Chosen]) -> bool:
        """Makes the posts; False if none can run. Raises `ConfigurationError` where the only pipeline has faults."""
        if len(every) == 1:
            (chosen,) = every
            if chosen.plan is None:
                raise chosen.error
            self._fill(chosen, self._make(chosen.settings, chosen.plan, self._bus))
            return True
        made = [self._add(chosen) for chosen in every]
        return any(made)

    def _add(self, chosen: Chosen) -> bool:
        """Makes a post for it; False, and said, if it cannot run."""
        try:
            if chosen.plan is None:
                raise chosen.error
            unit = self._make(chosen.settings, chosen.plan, self._bus)
        except ConfigurationError as error:
            self._refused(chosen.name, error)
            return False
        self._fill(chosen, unit)
        return True

    def _fill(self, chosen: Chosen, unit: Unit) -> None:
        name = chosen.name
        self._node.failed.pop(name, None)
        post = self._posts[name] = Post(unit, self._bus, self._node.reloads_of(name), self._heard)
        self._tell()
        if self._begun:
            self._start(post)

    def _refused(self, name: str, error: ConfigurationError) -> None:
        self._failed = True
        self._node.failed[name] = "its configuration has faults"
        log.error("the pipeline %s cannot run: its configuration has faults\n%s", name, error)

    def _tell(self) -> None:
        several = len(self._posts) + len(self._node.failed) > 1
        for name, post in self._posts.items():
            post.told = {"pipeline": name} if several else {}

    async def run(self) -> int:
        """Runs until no pipeline does; returns the exit code."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, self._stop)
        loop.add_signal_handler(signal.SIGHUP, self._reload, False)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, LATER)
        watching = [self._systemd.watch()]
        if self._settings.config_reload_automatic:
            watching.append(self._watch())
        with background(*watching):
            async with listening(self._node):
                await self._until_ended()
        return 1 if self._late or self._failed else 0

    async def _until_ended(self) -> None:
        self._begun = True
        self._show()
        try:
            for post in list(self._posts.values()):
                self._start(post)
            self._announce()
            while self._tasks:
                self._changed.clear()
                await self._changed.wait()
                for post in [post for post, task in self._tasks.items() if task.done()]:
                    self._tasks.pop(post).result()
                self._let_go()
        finally:
            for task in self._tasks.values():
                task.cancel()
        if not self._failed:
            self._systemd.stopping()

    def _start(self, post: Post) -> None:
        for address in targets(post.current.plan):
            if not self._bus.box(address).served:
                log.warning("%s: no pipeline takes what is sent to %s: it waits", post.name, address)
        task = self._tasks[post] = asyncio.get_running_loop().create_task(post.run())
        task.add_done_callback(lambda _: self._changed.set())
        self._show()

    def _heard(self, post: Post) -> None:
        """Another pipeline runs in a post, or none any more."""
        if post.ended:
            self._failed = self._failed or bool(post.error)
            if post.error:
                self._node.failed[post.name] = post.error
            if post.removed:
                del self._posts[post.name]
        self._show()
        self._announce()
        self._changed.set()

    def _show(self) -> None:
        running = {name: post.current for name, post in self._posts.items() if not post.ended}
        self._node.pipelines.clear()
        self._node.pipelines.update(running)

    def _let_go(self) -> None:
        """Stops those that only get what others hand to them, when all of those have ended and none can come."""
        if self._settings.config_reload_automatic or self._stopping:
            return
        running = [
            post.current for post in self._posts.values() if not (post.ended or post.current.state == "draining")
        ]
        for unit in running:
            if only_fed(unit.plan) and not any(self._bus.box(address).senders for address in addresses(unit.plan)):
                log.info("%s: all pipelines that sent to it have ended", unit.settings.pipeline_id)
                unit.stop()

    def _announce(self) -> None:
        """Tells systemd that what runs now is ready, when it is."""
        if self._announced is not None:
            self._announced.cancel()
        self._announced = asyncio.get_running_loop().create_task(self._say_ready())

    async def _say_ready(self) -> None:
        for post in [post for post in self._posts.values() if not post.ended]:
            await post.settled()
        if not self._stopping and any(not post.ended for post in self._posts.values()):
            self._systemd.ready()

    # ------------------------------------------------------------------------------------ reload

    async def _watch(self) -> None:
        """Reloads when the text of the configuration has changed."""
        known = self._configured.texts()
        while True:
            await asyncio.sleep(self._settings.config_reload_interval)
            texts = await asyncio.to_thread(self._configured.texts)
            if texts != known:
                known = texts
                self._reload(True)

    def _reload(self, changed: bool) -> None:
        """Reads the configuration; `changed`: what has not is left alone, else that is so where something has."""
        if self._stopping:
            return
        if self._begun:
            self._systemd.reloading()
        try:
            every = self._configured.read()
        except ConfigurationError as error:
            log.error("the new configuration has faults; the running one goes on\n%s", error)
            for name in self._posts or ("main",):
                self._node.reloads_of(name).failed(str(error))
        else:
            self._go_over(every, changed)
        self._announce()

    def _go_over(self, every: Sequence[Chosen], changed: bool) -> None:
        names = {chosen.name for chosen in every}
        gone = [post for name, post in self._posts.items() if name not in names]
        others = [chosen for chosen in every if not self._runs(chosen)]
        for post in gone:
            log.info("the pipeline %s is not in the configuration any more: it drains and ends", post.name)
            post.removed = True
            post.stop()
        for name in self._node.failed.keys() - names:
            del self._node.failed[name]
        if not (changed or others or gone):
            others = [chosen for chosen in every if not self._is_done(chosen)]
        for chosen in others:
            self._renew(chosen)
        self._tell()

    def _runs(self, chosen: Chosen) -> bool:
        post = self._posts.get(chosen.name)
        return post is not None and not post.error and chosen.same_as(post.latest.settings, post.latest.plan)

    def _is_done(self, chosen: Chosen) -> bool:
        """Whether its inputs have come to their end: it is not begun anew unless it is another."""
        post = self._posts.get(chosen.name)
        return post is not None and post.ended and not post.error

    def _renew(self, chosen: Chosen) -> None:
        post = self._posts.get(chosen.name)
        if post is None or post.ended:
            failed = chosen.name in self._node.failed
            if self._add(chosen) and failed:
                self._node.reloads_of(chosen.name).succeeded()
            return
        try:
            if chosen.plan is None:
                raise chosen.error
            if why := _why_kept(post.current):
                log.error("%s", why, extra=post.told)
                self._node.reloads_of(chosen.name).failed(why)
                return
            for warning in chosen.warnings:
                log.warning("%s", warning)
            following = self._make(chosen.settings, chosen.plan, self._bus)
        except ConfigurationError as error:
            log.error("the new configuration has faults; the running one goes on\n%s", error, extra=post.told)
            self._node.reloads_of(chosen.name).failed(str(error))
            return
        post.take_over(following)
        self._show()

    # ------------------------------------------------------------------------------------ stop

    def _stop(self) -> None:
        if self._stopping:
            log.error("stopped at once; what was not acknowledged will be sent again")
            sys.stderr.flush()
            os._exit(1)
        log.info("draining; once more stops at once")
        self._stopping = True
        self._systemd.stopping()
        self._bus.end()
        for post in self._posts.values():
            if not post.ended:
                post.stop()
        if (bound := self._settings.shutdown_timeout) is not None:
            asyncio.get_running_loop().call_later(bound, self._out_of_time, bound)

    def _out_of_time(self, bound: float) -> None:
        """Ends with what is in flight: connections are closed, and nothing of it is acknowledged."""
        for post in self._posts.values():
            unit = post.current
            unfinished, queue = unit.unfinished, unit.queue
            if post.ended or not post.cut():
                continue
            log.error(
                "shutdown.timeout (%g s) is over: %s were not delivered; %s",
                bound,
                unfinished,
                f"the queue on disk keeps {queue.events} batches"
                if queue.kind == "persisted"
                else "they were not acknowledged, and who can send them again does",
                extra=post.told,
            )
            self._late = True
        if self._late:
            last = threading.Timer(FAREWELL, os._exit, (1,))  # what hangs even so, be it a thread, is left behind
            last.daemon = True
            last.start()


def _why_kept(unit: Unit) -> str:
    """Why a pipeline stays as it is, whatever its configuration has become; nothing, where it can be reloaded."""
    if not unit.settings.pipeline_reloadable:
        return "the pipeline is not reloaded, as its pipeline.reloadable is false; a restart takes the configuration"
    if any(checked.module.name == "stdin" for checked in unit.plan.section("input")):
        return "standard input cannot be handed on: a configuration that reads it is not reloaded"
    return ""
