from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import pytest
import trustme

from tests.beats.workbench import Certificates


def loops() -> list[Any]:
    found: list[Any] = [asyncio.new_event_loop]
    with contextlib.suppress(ImportError):
        import uvloop

        found.append(uvloop.new_event_loop)
    return found


@pytest.fixture(params=loops(), ids=lambda new_loop: new_loop.__module__.partition(".")[0])
def run(request: pytest.FixtureRequest) -> Callable[[Coroutine[Any, Any, None]], None]:
    def run(work: Coroutine[Any, Any, None]) -> None:
        with asyncio.Runner(loop_factory=request.param) as runner:
            runner.run(work)

    return run


@pytest.fixture
def certificates(tmp_path: Path) -> Certificates:
    return Certificates(trustme.CA(key_type=trustme.KeyType.ECDSA), tmp_path)
