"""The dead letter queue against a simple model, over a file layer that fails, and crashes that cut what was not synced.

Whatever happens: a letter that was taken is there until it is removed; none is there twice; one that is removed does
not come back; names go to one letter alone; what is dropped is what the policy says, and as many as are counted.
"""

from __future__ import annotations

import asyncio
import contextlib
import tempfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from pipeline.delivery.dead_letters import Bounds, DeadLetter, DeadLetterQueue, Policy, Taken
from pipeline.disk import file_layer, removals, segments
from pipeline.disk.letters import read, remove_letters
from pipeline.errors import StoreError
from tests.disk.faulty import Fault, FaultyOs

faults = st.sampled_from(
    [set[Fault](), {"write"}, {"short"}, {"fsync"}, {"write", "truncate"}, {"short", "truncate"}, {"fsync", "truncate"}]
)
seldom = st.one_of(st.just(set[Fault]()), faults)
bounds = st.sampled_from([Bounds(None), Bounds(4000, "drop_older"), Bounds(4000, "drop_newer")])


class Queue(RuleBasedStateMachine):
    @initialize(chosen=bounds)
    def begin(self, chosen: Bounds) -> None:
        self.stack = contextlib.ExitStack()
        self.folder = Path(self.stack.enter_context(tempfile.TemporaryDirectory())).resolve()
        self.os = FaultyOs()
        patch = self.stack.enter_context(pytest.MonkeyPatch.context())
        for module in (segments, removals, file_layer):
            patch.setattr(module, "os", self.os)
        self.bounds = chosen
        self.runner = self.stack.enter_context(asyncio.Runner())
        self.queue = DeadLetterQueue(self.folder, "p", chosen)
        self.number = 0
        self.taken: list[str] = []
        """What must be there, in order."""
        self.unsure: set[str] = set()
        """What may be there: its writing failed, or its removal did."""
        self.gone: set[str] = set()
        self.names: dict[str, str] = {}

    def found(self) -> list[str]:
        there = {name: record["reason"] for name, record in read(self.folder)}
        for name, reason in there.items():
            assert self.names.setdefault(name, reason) == reason, f"the name {name} was given out twice"
        return list(there.values())

    @rule(sizes=st.lists(st.integers(0, 300), min_size=1, max_size=5), fault=seldom)
    def put(self, sizes: list[int], fault: set[Fault]) -> None:
        letters = [DeadLetter(f"r{self.number + n}", "p", b"x" * size, {}) for n, size in enumerate(sizes)]
        self.number += len(letters)
        before = self.found()
        self.os.faults = set(fault)
        try:
            taken = self.runner.run(self.queue.put(letters))
        except StoreError:
            self.os.faults = set()
            self.unsure |= {letter.reason for letter in letters}
            self._lost(before, self.found())
            return
        self.os.faults = set()
        after = self.found()
        kept = [letter.reason for letter in letters[: taken.kept]]
        self.taken += kept
        assert after == [*before[taken.pushed_out :], *kept]
        self._lost(before, after)
        self._as_the_policy_says(self.bounds.policy, taken, len(letters))

    def _lost(self, before: list[str], after: list[str]) -> None:
        """What was pushed out is gone for good: the oldest."""
        pushed = set(before) - set(after)
        if self.bounds.policy == "drop_older":
            assert before[: len(pushed)] == [one for one in before if one in pushed]
        else:
            assert not pushed
        self.gone |= pushed
        self.taken = [one for one in self.taken if one not in pushed]
        self.unsure -= pushed

    def _as_the_policy_says(self, policy: Policy, taken: Taken, offered: int) -> None:
        if policy == "block":
            assert taken == Taken(offered)
        if policy == "drop_newer":
            assert taken.pushed_out == 0
            assert taken.kept + taken.dropped == offered
        if policy == "drop_older":
            assert (taken.kept, taken.dropped) == (offered, 0)

    @precondition(lambda self: self.taken or self.unsure)
    @rule(data=st.data(), fault=seldom)
    def remove(self, data: st.DataObject, fault: set[Fault]) -> None:
        there = {record["reason"]: name for name, record in read(self.folder)}
        if not there:
            return
        chosen = data.draw(st.lists(st.sampled_from(sorted(there)), min_size=1, unique=True))
        self.os.faults = set(fault)
        try:
            remove_letters(self.folder, [there[reason] for reason in chosen])
        except StoreError:
            self.unsure |= set(chosen)
        else:
            self.gone |= set(chosen)
            self.unsure -= set(chosen)
        self.os.faults = set()
        self.taken = [one for one in self.taken if one not in chosen]

    @rule(everything=st.booleans())
    def tend(self, everything: bool) -> None:
        if everything:
            removals.delete_emptied(self.folder)
        self.runner.run(self.queue.tend())

    @rule()
    def restart(self) -> None:
        self.queue.close()
        self.queue = DeadLetterQueue(self.folder, "p", self.bounds)

    @rule(data=st.data())
    def crash(self, data: st.DataObject) -> None:
        """The power goes: of what was not synced any part may be left."""
        self.queue.close()
        for path, synced, size in self.os.at_risk(self.folder):
            left = data.draw(st.integers(synced, size))
            with path.open("r+b") as file:
                file.truncate(left)
        self.queue = DeadLetterQueue(self.folder, "p", self.bounds)

    @invariant()
    def every_letter_is_where_it_belongs(self) -> None:
        found = self.found()
        assert len(set(found)) == len(found), "a letter is there twice"
        assert [one for one in found if one not in self.unsure] == self.taken
        assert not self.gone & set(found), "a letter came back"

    @invariant()
    def the_bound_holds(self) -> None:
        if self.bounds.max_bytes is not None:
            assert sum(path.stat().st_size for path in segments.segments(self.folder)) <= self.bounds.max_bytes

    def teardown(self) -> None:
        if hasattr(self, "stack"):
            self.queue.close()
            self.stack.close()


def test_the_header_of_the_next_segment_counts() -> None:
    """Where the open segment is full, what comes next begins another, whose header takes room too."""
    state = Queue()
    state.begin(Bounds(4000, "drop_older"))
    for sizes, fault in [
        ([0, 208, 300], set()),
        ([21, 300, 300], set()),
        ([0, 0], {"write"}),
        ([0], {"fsync"}),
        ([0, 0, 0, 188, 300], set()),
        ([0, 256], set()),
        ([2, 300], set()),
    ]:
        state.put(sizes, fault)
        state.every_letter_is_where_it_belongs()
        state.the_bound_holds()
    state.teardown()


Queue.TestCase.settings = settings(
    max_examples=60, stateful_step_count=25, deadline=None, suppress_health_check=list(HealthCheck)
)
TestQueue = Queue.TestCase
