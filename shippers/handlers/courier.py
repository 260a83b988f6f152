"""The shipping thread: takes batches, sends each until it is acknowledged, and ends with the program.

A thread is started with the first record of a process, so that a server that forks before it works has none. The child
of a fork has a queue, ids and a connection of its own; what its parent has not delivered is the parent's.
"""

from __future__ import annotations

import os
import random
import sys
import threading
import weakref
from collections.abc import Mapping
from typing import Any

from shippers.handlers.complaints import Complaints
from shippers.handlers.envelope import Entry, Envelope
from shippers.handlers.transports import Pace, ShippingThread, Transport
from shippers.handlers.waiting import Waiting

_GRACE = 0.2
"""Seconds in which the thread notices that its time is over."""


class Courier:
    """Ships what is put, over one transport."""

    def __init__(self, transport: Transport, fields: Mapping[str, Any], capacity: int, pace: Pace) -> None:
        if capacity < 1:
            raise ValueError(f"capacity: {capacity} records; there must be room for one")
        self._transport, self._capacity, self._pace = transport, capacity, pace
        self._envelope = Envelope(fields)
        self._begin()
        again = weakref.WeakMethod(self._forked)  # no registration can be taken back
        if hasattr(os, "register_at_fork"):
            os.register_at_fork(after_in_child=lambda: (forked := again()) and forked())

    def _begin(self) -> None:
        self.waiting = Waiting(self._capacity, self._pace.batch)
        self._complaints = Complaints(self._pace.complain_every)
        self._starting = threading.RLock()
        self._thread: ShippingThread | None = None

    def _forked(self) -> None:
        self._transport.forget()
        self._envelope.renew()
        self._begin()

    def put(self, entry: Entry) -> None:
        """Takes a record, at once; what a shipping thread logs is left alone."""
        if isinstance(threading.current_thread(), ShippingThread):
            return
        self.waiting.put(entry)
        if self._thread is None:
            self._start()

    def _start(self) -> None:
        with self._starting:
            if self._thread is not None:
                return
            thread = ShippingThread(target=self._ship, name=f"ships logs to {self._transport.name}", daemon=True)
            self._thread = thread
            try:
                thread.start()
            except RuntimeError:  # the interpreter ends, or there are too many threads: `close` ships, or the next put
                self._thread = None
                return
        self._end_with_multiprocessing()

    def _end_with_multiprocessing(self) -> None:
        """A process that multiprocessing has started ends without `atexit`; it has a list of its own."""
        util, process = sys.modules.get("multiprocessing.util"), sys.modules.get("multiprocessing.process")
        if util is not None and process is not None and process.parent_process() is not None:
            util.Finalize(None, self.close, exitpriority=0)

    def close(self) -> None:
        """Takes no more, and waits `farewell` seconds at most for what is under way. May be called again."""
        waiting, pace = self.waiting, self._pace
        before = waiting.dropped
        waiting.close(pace.farewell)
        thread = self._thread
        if thread is not None:
            thread.join(max(0.0, waiting.left(pace.farewell)) + _GRACE)
        elif waiting.queued:
            self._ship()  # no thread could be had
        waiting.abandon()
        if lost := waiting.dropped - before + waiting.queued:
            end = f"{lost} records were not delivered within {pace.farewell:g} s at the end"
            self._complaints.say(f"{self._transport.name}: {end}", always=True)

    # ------------------------------------------------------------------------------------------ in the thread

    def _ship(self) -> None:
        waiting, transport = self.waiting, self._transport
        told = 0
        try:
            while (entries := waiting.take(self._pace.delay)) is not None:
                payloads = [self._envelope.payload(entry) for entry in entries]
                entries.clear()
                refused = self._delivered(payloads, waiting)
                waiting.ended(refused)
                if waiting.dropped > told:
                    told = waiting.dropped
                    why = f"refuses {refused} records" if refused else "does not keep up"
                    self._complaints.say(f"{transport.name} {why}; {self._standing(waiting)}")
        finally:
            transport.close()

    def _delivered(self, payloads: list[bytes], waiting: Waiting) -> int | None:
        """Sends until it is acknowledged; how many were refused for good, or None if time is over before."""
        failures = 0
        while True:
            try:
                return self._transport.send(payloads, lambda: waiting.left(self._pace.timeout))
            except Exception as error:  # whatever it is: the records wait, the program goes on
                failures += 1
                reason = str(error) or type(error).__name__
                self._complaints.say(f"{self._transport.name}: {reason}; {self._standing(waiting)}")
            rounds, rest = divmod(failures, self._transport.places)
            if not waiting.pause(0.0 if rest else self._length(rounds)):
                return None

    def _length(self, rounds: int) -> float:
        """Seconds of the pause after so many rounds without success."""
        longest = min(self._pace.longest_pause, self._pace.first_pause * 2.0 ** min(rounds - 1, 30))
        return longest * random.uniform(0.5, 1.0)  # noqa: S311  (no secret)

    def _standing(self, waiting: Waiting) -> str:
        return f"{waiting.queued} records wait, {waiting.dropped} were dropped so far"
