"""The queue on disk against a list: whatever fails and whenever the machine stops, nothing acknowledged is lost."""

from __future__ import annotations

import errno
import random

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from pipeline.errors import StoreError
from pipeline.stored_queue.pages import Entry, Record
from pipeline.stored_queue.queue import Bounds, StoredQueue, deflater
from tests.stored_queue.faulty_files import FaultyFiles

FOLDER = "/queue"
STEPS = ["write", "sync", "cut", "open", "look", "read", "replace", "remove", "sync folder"]


def entry(number: int, size: int = 10) -> Entry:
    return Entry("beats #1", {"id": f"id{number}", "window": number}, f"{number}:".encode() + b"x" * size, number)


class QueueAndList(RuleBasedStateMachine):
    """The model: what was acknowledged and has no end, in order; what may be there, as it was never acknowledged."""

    @initialize(seed=st.integers(0, 1 << 32), page=st.integers(100, 2000), deflated=st.booleans())
    def begin(self, seed: int, page: int, deflated: bool) -> None:
        self.draw = random.Random(seed)
        self.files = FaultyFiles()
        self.bounds = Bounds(page, 1 << 20)
        self.deflate = deflater("speed") if deflated else None
        self.made = 0
        self.acknowledged: dict[int, Entry] = {}
        self.doubtful: set[int] = set()
        """Written, and refused: may come out all the same."""
        self.ended: set[int] = set()
        self.taken: dict[int, Record] = {}
        self.marked: set[int] = set()
        """Ended, and so said by the last checkpoint: never comes out again."""
        self.queue: StoredQueue | None = None
        self.last = 0
        self.failing = False
        self.open()

    def open(self) -> None:
        self.queue = StoredQueue(FOLDER, self.bounds, self.files, self.deflate)
        self.taken, self.last, self.ended_now = {}, 0, set()

    @rule(sizes=st.lists(st.integers(0, 300), min_size=1, max_size=5))
    def append(self, sizes: list[int]) -> None:
        entries = [entry(self.made + at, size) for at, size in enumerate(sizes)]
        numbers = range(self.made, self.made + len(sizes))
        self.made += len(sizes)
        try:
            self.queue.append(entries)
        except StoreError:
            self.doubtful.update(numbers)
        else:
            self.acknowledged.update(zip(numbers, entries, strict=True))

    @rule(size=st.integers(1, 2000))
    def take(self, size: int) -> None:
        try:
            records = self.queue.take(size)
        except StoreError:
            assert self.failing
            return  # and it goes on, with nothing left out
        for record in records:
            number = record.entry.origin["window"]
            assert record.sequence > self.last, "out of order, or twice"
            self.last = record.sequence
            assert number not in self.marked, "delivered, said so, and given out again"
            assert record.entry == self.acknowledged.get(
                number, entry(number, len(record.entry.data) - len(f"{number}:"))
            )
            assert number in self.acknowledged or number in self.doubtful
            self.taken[number] = record

    @precondition(lambda self: self.taken)
    @rule(data=st.data())
    def end(self, data: st.DataObject) -> None:
        number = data.draw(st.sampled_from(sorted(self.taken)))
        self.queue.end(self.taken.pop(number).sequence)
        self.ended.add(number)
        self.ended_now.add(number)

    @rule()
    def take_all(self) -> None:
        """Whatever failed before, all that is owed comes out, without a new start."""
        self.healed()
        before = -1
        while before != self.last:
            before = self.last
            self.take(1000)
        assert {number for number in self.acknowledged if number not in self.ended} <= self.taken.keys()

    @rule()
    def checkpoint(self) -> None:
        try:
            self.queue.checkpoint()
        except StoreError:
            assert self.failing
        else:
            self.marked |= self.ended_now

    @rule()
    def seal(self) -> None:
        self.queue.spent()

    @rule(kinds=st.sets(st.sampled_from(STEPS), min_size=1), chance=st.sampled_from([0.1, 0.5, 1.0]))
    def fail(self, kinds: set[str], chance: float) -> None:
        """From now on these steps fail, each by chance; writes are short first."""

        def fault(step: str) -> OSError | int | None:
            if step not in kinds or self.draw.random() > chance:
                return None
            if step == "write" and self.draw.random() < 0.5:
                return self.draw.randrange(40)
            return OSError(errno.EIO, f"{step} failed")

        self.files.faults = fault
        self.failing = True

    @rule()
    def heal(self) -> None:
        self.healed()

    def healed(self) -> None:
        self.failing = False
        self.files.faults = lambda step: None

    @rule()
    def crash_and_open(self) -> None:
        """The machine stops, at any moment: also in the middle of what failed."""
        self.healed()
        self.files.crash(self.draw)
        self.open()
        self.drained()

    @rule()
    def restart(self) -> None:
        """In good order; nothing that is in memory is lost."""
        self.healed()
        self.queue.checkpoint()
        self.marked |= self.ended_now
        self.queue.close()
        self.open()

    @rule(step=st.integers(1, 8), kind=st.sampled_from(STEPS))
    def crash_in_a_write(self, step: int, kind: str) -> None:
        """An append or a checkpoint that ends with the machine."""
        left = step

        def fault(_: str) -> OSError | int | None:
            nonlocal left
            left -= 1
            if left > 0:
                return None
            if left == 0 and kind == "write":
                return self.draw.randrange(60)
            return OSError(errno.EIO, "the machine has stopped")

        self.files.faults = fault
        self.append([30, 200])
        try:
            self.queue.checkpoint()
        except StoreError:
            pass
        else:
            self.marked |= self.ended_now
        self.crash_and_open()

    def drained(self) -> None:
        """All that is owed comes out of a queue that was just opened."""
        found: list[int] = []
        probe = StoredQueue(FOLDER, self.bounds, self.files, self.deflate)
        while records := probe.take(500):
            found += [record.entry.origin["window"] for record in records]
        probe.close()
        owed = [number for number in sorted(self.acknowledged) if number not in self.ended]
        assert [number for number in found if number in set(owed)] == owed
        assert not set(found) & self.marked
        assert set(found) <= set(self.acknowledged) | self.doubtful

    @invariant()
    def counts(self) -> None:
        if self.queue is not None:
            assert self.queue.waiting >= 0

    def teardown(self) -> None:
        if self.queue is not None:
            self.crash_and_open()


TestQueueAndList = QueueAndList.TestCase
TestQueueAndList.settings = settings(
    max_examples=60, stateful_step_count=30, deadline=None, suppress_health_check=list(HealthCheck)
)
