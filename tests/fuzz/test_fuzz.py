"""Each target briefly, and the runner itself: it must see a crash, a hang and memory that grows."""

from __future__ import annotations

import time
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.fuzz import runner
from tests.fuzz.targets import TARGETS, Target


@pytest.mark.parametrize("target", TARGETS, ids=[target.name for target in TARGETS])
@settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_briefly(target: Target, data: st.DataObject) -> None:
    target.run(data.draw(target.inputs))


def test_a_sound_target(capsys: pytest.CaptureFixture[str]) -> None:
    assert runner.run([Target("sound", st.integers(), lambda drawn: None)], 0, 1) == 0
    out = capsys.readouterr().out
    assert "seed 1\n" in out
    assert "sound                     400" in out


def hang(drawn: Any) -> None:
    while True:
        time.sleep(0.01)


def test_a_crash_and_a_hang(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(runner, "HANG_SECONDS", 0.05)
    crash = Target("crash", st.just("the input"), lambda drawn: 1 / 0)
    assert runner.run([crash, Target("hang", st.just(0), hang)], 0, 1) == 1
    out = capsys.readouterr().out
    assert "crash FAILED: ZeroDivisionError: division by zero\n    with 'the input'" in out
    assert "hang FAILED: Hang: one input took more than" in out


def test_memory_that_grows(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runner, "MOST_GROWTH", 8 << 20)
    kept: list[bytes] = []
    leak = Target("leak", st.just(0), lambda drawn: kept.append(bytes(1 << 20) * 40))
    monkeypatch.setattr(runner, "_ROUND", 1)
    assert "memory grew by" in runner.fuzzed(leak, 0, 1).failure
