"""The log under a thousand equal complaints, and a different one among them."""

from __future__ import annotations

import logging
from collections.abc import Iterator

import pytest

from pipeline.commands import repeats
from pipeline.commands.repeats import Repeats


class Written(logging.Handler):
    """Keeps the lines."""

    def __init__(self) -> None:
        super().__init__()
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(record.getMessage() + (" +" if record.exc_info else ""))


@pytest.fixture
def log() -> Iterator[tuple[logging.Logger, Written, Repeats]]:
    logger, handler = logging.getLogger("apex.repeats"), Written()
    logger.propagate, logger.handlers = False, [handler]
    limited = Repeats(handler, interval=3600.0)
    yield logger, handler, limited
    limited.close()


@pytest.fixture
def now(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    time = [1000.0]
    monkeypatch.setattr("pipeline.commands.repeats.time.monotonic", lambda: time[0])
    return time


def test_a_thousand_equal_errors_are_two_lines(log: tuple[logging.Logger, Written, Repeats], now: list[float]) -> None:
    logger, handler, limited = log
    for number in range(1000):
        logger.error("%s: %s; %d items are sent again in %.1f s", "out", "429 full", number, number / 7)
    assert handler.lines == ["out: 429 full; 0 items are sent again in 0.0 s"]
    limited.look()
    assert len(handler.lines) == 1
    now[0] += 3600
    limited.look()
    assert handler.lines[1:] == ["out: 429 full; 999 items are sent again in 142.7 s (999 more like it in 3600 s)"]
    limited.close()
    assert len(handler.lines) == 2


DIFFERENT = [
    "out: 503 busy",
    "out: 429 full",
    "other: 429 full",
    "the condition at a.conf:3:4: dropped: the text cannot be ordered",
    "the condition at a.conf:4:4: dropped: the text cannot be ordered",
    "warning one",
    "warning 2",
    "warning 3",
]


def test_a_different_complaint_is_never_held_back(log: tuple[logging.Logger, Written, Repeats]) -> None:
    logger, handler, limited = log
    for line in DIFFERENT * 3:
        logger.warning("%s", line)
    assert handler.lines == DIFFERENT
    logger.error("%s", DIFFERENT[0])
    assert handler.lines == [*DIFFERENT, DIFFERENT[0]]
    limited.close()
    assert [line.partition(" (")[2] for line in handler.lines[9:]] == ["2 more like it in 0 s)"] * 8


def test_quoted_values_do_not_make_it_another_one(log: tuple[logging.Logger, Written, Repeats]) -> None:
    logger, handler, _ = log
    for value in ("a", "b", "c d"):
        logger.warning('here: the text "%s" has no order against %d', value, 70000)
    assert handler.lines == ['here: the text "a" has no order against 70000']


def test_what_is_no_complaint_is_left_alone(log: tuple[logging.Logger, Written, Repeats]) -> None:
    logger, handler, _ = log
    logger.setLevel(logging.DEBUG)
    for _ in range(3):
        logger.info("reloaded")
        logger.debug("detail")
    assert len(handler.lines) == 6


def test_a_traceback_is_written_once(log: tuple[logging.Logger, Written, Repeats]) -> None:
    logger, handler, limited = log
    for _ in range(3):
        try:
            raise ValueError
        except ValueError:
            logger.exception("failed")
    limited.close()
    assert handler.lines == ["failed +", "failed (2 more like it in 0 s)"]


def test_complaints_are_bounded_and_forgotten(
    log: tuple[logging.Logger, Written, Repeats], now: list[float], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(repeats, "_KEPT", 2)
    logger, handler, limited = log
    for line in ("a", "a", "b", "c"):
        logger.warning(line)
    assert handler.lines == ["a", "b", "a (1 more like it in 0 s)", "c"]
    now[0] += 3600
    limited.look()
    logger.warning("b")
    assert handler.lines[4:] == ["b"]
    assert limited._timer is not None


def test_it_looks_by_itself() -> None:
    logger, handler = logging.getLogger("apex.repeats.alone"), Written()
    logger.propagate, logger.handlers = False, [handler]
    limited = Repeats(handler, interval=0.01)
    logger.warning("x")
    logger.warning("x")
    timer = limited._timer
    assert timer is not None
    timer.join(20)
    limited.close()
    assert handler.lines[0] == "x"
    assert handler.lines[1].startswith("x (1 more like it in ")
