"""The offset ledger: against a simple model, with spans that end in any order, revocation and return."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from pipeline.kafka.ledger import Ledger, Span

PARTITIONS = ("a", "b")
steps = st.lists(
    st.one_of(
        st.tuples(st.just("take"), st.sampled_from(PARTITIONS), st.integers(1, 5)),
        st.tuples(st.just("end"), st.integers(0, 30), st.just(0)),
        st.tuples(st.just("withdraw"), st.sampled_from(PARTITIONS), st.just(0)),
        st.tuples(st.just("revoke"), st.sampled_from(PARTITIONS), st.just(0)),
        st.tuples(st.just("commit"), st.just(0), st.just(0)),
    ),
    max_size=60,
)


class Model:
    """A partition's records that were taken, and those that ended, since it was assigned last; one by one."""

    def __init__(self) -> None:
        self.ledger: Ledger[str] = Ledger()
        self.spans: list[tuple[str, int, Span, range]] = []
        self.withdrawn: set[int] = set()
        self.generation = dict.fromkeys(PARTITIONS, 0)
        self.log_end = dict.fromkeys(PARTITIONS, 0)
        self.stored = dict.fromkeys(PARTITIONS, 0)
        self.first: dict[str, int | None] = dict.fromkeys(PARTITIONS, None)
        self.ended: dict[str, set[int]] = {name: set() for name in PARTITIONS}
        for name in PARTITIONS:
            self.ledger.assign(name)

    def take(self, name: str, size: int) -> None:
        first = self.log_end[name]
        self.log_end[name] += size
        if self.first[name] is None:
            self.first[name] = first
        span = self.ledger.take(name, first + size)
        self.spans.append((name, self.generation[name], span, range(first, first + size)))

    def end(self, number: int, _: int) -> None:
        if not self.spans:
            return
        number %= len(self.spans)
        name, since, span, offsets = self.spans[number]
        span.end()
        if since == self.generation[name] and number not in self.withdrawn:
            self.ended[name].update(offsets)

    def withdraw(self, name: str, _: int) -> None:
        """The latest that is open, as what waits is dropped."""
        mine = self.of(name)
        if mine and not self.spans[mine[-1]][2].has_ended:
            self.spans[mine[-1]][2].withdraw()
            self.withdrawn.add(mine[-1])

    def revoke(self, name: str, _: int) -> None:
        self.ledger.revoke([name])
        assert self.ledger.unfinished([name]) == 0
        self.ledger.assign(name)
        self.generation[name] += 1
        self.first[name], self.ended[name] = None, set()
        self.log_end[name] = self.stored[name]  # whoever has it next reads on from what is committed

    def commit(self, *_: object) -> None:
        due = self.ledger.due()
        for item in due:
            assert item.offset == self.committable(item.key)
            assert item.offset >= self.stored[item.key]
            self.stored[item.key] = item.offset
        self.ledger.committed(due)
        assert self.ledger.due() == []

    def committable(self, name: str) -> int:
        offset = self.first[name]
        assert offset is not None
        while offset in self.ended[name]:
            offset += 1
        return offset

    def of(self, name: str) -> list[int]:
        """The spans of the present assignment."""
        present = self.generation[name]
        return [number for number, span in enumerate(self.spans) if span[:2] == (name, present)]

    def check(self) -> None:
        for name in PARTITIONS:
            pending = set(self.of(name)) - self.withdrawn
            assert self.ledger.unfinished([name]) == sum(not self.spans[n][2].has_ended for n in pending)


@given(steps)
def test_agrees_with_a_model_that_knows_every_record(plan: list[tuple]) -> None:
    model = Model()
    for kind, what, size in plan:
        getattr(model, kind)(what, size)
        model.check()


def test_a_commit_that_comes_back_after_the_return_marks_nothing() -> None:
    ledger: Ledger[str] = Ledger()
    ledger.assign("a")
    ledger.take("a", 10).end()
    due = ledger.due()
    ledger.revoke(["a"])
    ledger.assign("a")
    ledger.take("a", 10).end()
    ledger.committed(due)  # of the assignment before
    assert [(item.key, item.offset) for item in ledger.due()] == [("a", 10)]


def test_a_position_is_due_by_itself() -> None:
    ledger: Ledger[str] = Ledger()
    ledger.assign("a", 7)
    assert [(item.key, item.offset) for item in ledger.due()] == [("a", 7)]
    ledger.committed(ledger.due())
    assert ledger.due() == []


def test_an_end_that_is_told_twice_counts_once() -> None:
    ledger: Ledger[str] = Ledger()
    first, second = ledger.take("a", 10), ledger.take("a", 20)
    second.end()
    second.end()
    second.withdraw()
    assert (ledger.unfinished(["a"]), ledger.due()) == (1, [])
    first.end()
    assert [item.offset for item in ledger.due()] == [20]


def test_how_far_a_partition_is_before_anything_has_ended() -> None:
    ledger: Ledger[str] = Ledger()
    assert ledger.reached("a") is None
    ledger.begin("a", 5)
    assert (ledger.reached("a"), ledger.due()) == (5, [])
    span = ledger.take("a", 9)
    ledger.begin("a", 7)
    assert (ledger.reached("a"), ledger.due()) == (5, [])
    span.end()
    assert ledger.reached("a") == 9
    assert [due.offset for due in ledger.due()] == [9]
    ledger.assign("a")
    assert ledger.reached("a") is None
