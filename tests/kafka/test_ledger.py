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


@given(steps)
def test_agrees_with_a_model_that_knows_every_record(plan: list[tuple]) -> None:
    """The model: a partition's records that were taken, and those that ended, since it was assigned last."""
    ledger: Ledger[str] = Ledger()
    taken: dict[str, list[int]] = {}
    ended: dict[str, set[int]] = {}
    log_end = dict.fromkeys(PARTITIONS, 0)
    stored = dict.fromkeys(PARTITIONS, 0)
    spans: list[tuple[str, int, Span, range]] = []
    generation = dict.fromkeys(PARTITIONS, 0)
    withdrawn: set[int] = set()
    for name in PARTITIONS:
        ledger.assign(name)
        taken[name], ended[name] = [], set()

    def committable(name: str) -> int:
        offset = taken[name][0] if taken[name] else stored[name]
        while offset in ended[name]:
            offset += 1
        return offset

    for kind, what, size in plan:
        if kind == "take":
            first = log_end[what]
            log_end[what] += size
            span = ledger.take(what, first + size)
            spans.append((what, generation[what], span, range(first, first + size)))
            taken[what] += range(first, first + size)
        elif kind == "end" and spans:
            number = what % len(spans)
            name, since, span, offsets = spans[number]
            span.end()
            if since == generation[name] and number not in withdrawn:
                ended[name].update(offsets)
        elif kind == "withdraw":
            last = [n for n, (name, since, _, _) in enumerate(spans) if name == what and since == generation[what]]
            if last and not spans[last[-1]][2].has_ended:
                spans[last[-1]][2].withdraw()
                withdrawn.add(last[-1])
        elif kind == "revoke":
            ledger.revoke([what])
            assert ledger.unfinished([what]) == 0
            ledger.assign(what)
            generation[what] += 1
            taken[what], ended[what] = [], set()
            log_end[what] = stored[what]  # whoever has it next reads on from what is committed
        elif kind == "commit":
            due = ledger.due()
            for item in due:
                assert item.offset == committable(item.key)
                assert item.offset >= stored[item.key]
                stored[item.key] = item.offset
            ledger.committed(due)
            assert ledger.due() == []
        for name in PARTITIONS:
            pending = [
                number
                for number, (where, since, span, _) in enumerate(spans)
                if where == name and since == generation[name] and not span.has_ended and number not in withdrawn
            ]
            assert ledger.unfinished([name]) == len(pending)


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
