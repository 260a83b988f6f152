"""A post: one pipeline under its id, and the one that takes its place at a reload.

runs --take over--> drains --> the next one runs        what it could not deliver in time is sent again
runs --stop-------> drains --> ended
runs --fails------> failed                              the others go on; a reload may fill the post again
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from typing import Any, Protocol, runtime_checkable

from pipeline.bus import Bus
from pipeline.config.plan import Plan
from pipeline.errors import ApexLogsError, leaves
from pipeline.monitoring.node import Reloads
from pipeline.pipelines.links import addresses, targets
from pipeline.running import Running

log = logging.getLogger("apex.pipelines")

RELOAD_PATIENCE = 30.0
"""Seconds that a reload waits for the running configuration to deliver what is in flight."""


class Unit(Running, Protocol):
    """A pipeline that can be run, in one process or in several."""

    ready: asyncio.Event

    @property
    def unfinished(self) -> str:
        """How much was taken and has no end yet, in words."""
        ...

    async def run(self) -> None:
        """Runs until it is stopped or its inputs end."""
        ...

    def stop(self) -> None:
        """Takes no more."""
        ...


@runtime_checkable
class Rolling(Protocol):
    """A pipeline that can go over to another configuration without a pause."""

    def reload(self, fresh: Any) -> bool:
        """Goes over; False if it cannot go over to this one."""
        ...


class Post:
    """What runs under one id."""

    def __init__(self, first: Unit, bus: Bus, reloads: Reloads, heard: Callable[[Post], None]) -> None:
        """`heard` is called when another pipeline runs in this post, and when none does any more."""
        self.current = first
        self.reloads = reloads
        self.error = ""
        """Why it failed."""
        self.ended = False
        self.removed = False
        """It is no part of the configuration any more."""
        self.told: dict[str, str] = {}
        """What its lines in the log carry."""
        self._bus = bus
        self._heard = heard
        self._next: Unit | None = None
        self._running: asyncio.Task[None] | None = None
        self._patience: asyncio.TimerHandle | None = None
        """Runs out while a reload waits for the running configuration."""
        self._gave_up = False
        self._late = False
        self._changed = asyncio.Event()
        self._meet(first.plan, 1)

    @property
    def name(self) -> str:
        """The id of the pipeline."""
        return self.current.settings.pipeline_id

    @property
    def latest(self) -> Unit:
        """What is to run: the one that is to follow, if there is one."""
        return self._next or self.current

    def _meet(self, plan: Plan, more: int) -> None:
        """Those at its addresses may count on it, or no more; those that it hands to, too."""
        for address in targets(plan):
            self._bus.box(address).sender(more)
        for address in addresses(plan):
            self._bus.box(address).serve(more > 0)

    async def run(self) -> None:
        """Runs pipelines, one after the other, until one ends that no other follows. What fails is told, not raised."""
        try:
            while await self._one():
                pass
        finally:
            self.ended = True
            self._meet(self.current.plan, -1)
            self._changed.set()
            self._heard(self)

    async def _one(self) -> bool:
        """Runs the current pipeline; whether another follows."""
        self._running = asyncio.create_task(self.current.run())
        self.error = ""
        try:
            await self._running
        except asyncio.CancelledError:
            if self._late:
                return False
            if not self._gave_up:
                self._running.cancel()
                raise
            self._gave_up = False
            log.warning("what the old configuration could not deliver was not acknowledged; senders send it again")
        except (ApexLogsError, OSError, ExceptionGroup) as error:
            self.error = "; ".join(dict.fromkeys(str(leaf) or repr(leaf) for leaf in leaves(error)))
            for leaf in leaves(error):
                known = isinstance(leaf, ApexLogsError | OSError)
                log.error("%s", leaf, exc_info=None if known else leaf, extra=self.told)
        self._be_patient()
        log.info("drained", extra={**self.current.counters.as_dict(), **self.told})
        if self._next is None:
            return False
        following, self._next = self._next, None
        self._meet(following.plan, 1)
        self._unmeet(self.current.plan, following.plan)
        self.current = following
        self._changed.set()
        self.reloads.succeeded()
        log.info("reloaded", extra=self.told)
        self._heard(self)
        return True

    def _unmeet(self, plan: Plan, following: Plan) -> None:
        for address in targets(plan):
            self._bus.box(address).sender(-1)
        for address in set(addresses(plan)) - set(addresses(following)):
            self._bus.box(address).serve(False)

    async def settled(self) -> None:
        """Returns when the pipeline that runs is ready and no other is to follow, or when none runs any more."""
        while not self.ended:
            if self._next is None and self.current.ready.is_set():
                return
            self._changed.clear()
            waits = [asyncio.ensure_future(self._changed.wait())]
            if self._next is None:
                waits.append(asyncio.ensure_future(self.current.ready.wait()))
            try:
                await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
            finally:
                for wait in waits:
                    wait.cancel()

    def stop(self) -> None:
        """Takes no more, and ends when all is delivered; no other follows."""
        self._next = None
        self._be_patient()
        self.current.stop()

    def cut(self) -> bool:
        """Ends it with what is in flight, which is not acknowledged; whether it still ran."""
        if self._running is None or self._running.done():
            return False
        self._late = True
        self._running.cancel()
        return True

    def take_over(self, following: Unit) -> None:
        """Another configuration for this post: at once where it can be, else when the one that runs has drained."""
        if self._running is None:  # nothing runs yet, so that it can be this that runs
            self._meet(following.plan, 1)
            self._unmeet(self.current.plan, following.plan)
            self.current = following
            self.reloads.succeeded()
            return
        current = self.current
        # The workers go over one by one, as the inputs are the same, and nobody has to wait.
        alike = self._next is None and isinstance(following, Rolling)
        if alike and isinstance(current, Rolling) and current.reload(following):
            self.reloads.succeeded()
            return
        self._next = following
        self.current.stop()
        # Where the old outputs are stuck, the new configuration may be the remedy: it must not wait for them for ever.
        self._be_patient()
        self._patience = asyncio.get_running_loop().call_later(RELOAD_PATIENCE, self._give_up)

    def _give_up(self) -> None:
        assert self._running is not None
        self._gave_up = True
        self._running.cancel()

    def _be_patient(self) -> None:
        """Waits without end again: the reload is done, or given up for a stop, which drains."""
        if self._patience is not None:
            self._patience.cancel()
            self._patience = None
