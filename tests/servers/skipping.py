"""A test whose server cannot be had is skipped by name; `.ci/run` fails on any skip."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from tests.servers.packages import NotHere


@contextmanager
def or_skip(name: str) -> Iterator[None]:
    """What is done within is skipped, with the name and the reason, where it needs what cannot be had."""
    try:
        yield
    except NotHere as reason:
        pytest.skip(f"{name}: {reason}")
