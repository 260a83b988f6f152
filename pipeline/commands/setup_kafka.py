"""`apex-logs setup kafka`: the topics of a file, made on a cluster; a line for each change.

Exit codes: 0 all is as the file says, or would be; 1 no broker answers, or one refuses; 2 a file cannot be used.
"""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError

from pipeline.errors import ConfigurationError
from pipeline.kafka.options import ConnectionOptions
from pipeline.kafka.security import login_settings, settings
from pipeline.kafka.topics import Change, Layout, Topic, change

PAUSE = 1.0
"""Seconds between two attempts to reach a broker."""

SETTLING = 60.0
"""Seconds that new topics may take to be usable."""


@dataclass(frozen=True, slots=True)
class Wish:
    """What the command was given."""

    layout: Path
    bootstrap: str
    client: Path | None = None
    copies: int | None = None
    wait: float = 0.0
    dry: bool = False


def run(wish: Wish) -> int:
    """Does it, or says what it would do; returns the exit code."""
    try:
        topics = read_layout(wish.layout)
        if wish.copies is not None:
            topics = [topic.with_copies(wish.copies) for topic in topics]
        options = connection(wish)
        client = settings(options, lambda warning: print(f"warning: {warning}", file=sys.stderr))
    except ConfigurationError as error:
        print(error, file=sys.stderr)
        return 2
    from pipeline.kafka.administration import Refused

    try:
        asyncio.run(_set_up(client, options, topics, wish))
    except Refused as error:
        print(error, file=sys.stderr)
        return 1
    return 0


def read_layout(path: Path) -> list[Topic]:
    """The topics of a file; raises `ConfigurationError` with every fault in it."""
    try:
        return Layout.model_validate(yaml.safe_load(path.read_text(encoding="utf-8"))).topics
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise ConfigurationError([f"{path}: {error}"]) from None
    except ValidationError as error:
        raise ConfigurationError(_faults(path, error)) from None


def connection(wish: Wish) -> ConnectionOptions:
    """How to talk to the brokers; raises `ConfigurationError`."""
    given = read_properties(wish.client) if wish.client else {}
    try:
        return ConnectionOptions.model_validate({**given, "bootstrap_servers": wish.bootstrap})
    except ValidationError as error:
        raise ConfigurationError(_faults(wish.client or Path("--bootstrap-servers"), error)) from None


def read_properties(path: Path) -> dict[str, str]:
    """A Java properties file in its simple form, `name=value`, with dots in names as `_`."""
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigurationError([f"{path}: {error}"]) from None
    found: dict[str, str] = {}
    for number, line in enumerate(lines, 1):
        text = line.strip()
        if not text or text[0] in "#!":
            continue
        name, equals, value = text.partition("=")
        if not equals:
            raise ConfigurationError([f"{path}:{number}: expected name=value"])
        found[name.strip().replace(".", "_")] = value.strip()
    return found


def _faults(path: Path, error: ValidationError) -> list[object]:
    places = [": ".join(filter(None, [str(path), ".".join(map(str, each["loc"]))])) for each in error.errors()]
    return [f"{place}: {each['msg']}" for place, each in zip(places, error.errors(), strict=True)]


async def _set_up(client: dict[str, Any], options: ConnectionOptions, topics: Sequence[Topic], wish: Wish) -> None:
    from pipeline.kafka.administration import Refused, administrator

    deadline = time.monotonic() + wish.wait
    wanted = {key: value for key, value in client.items() if key != "client_id"}
    while True:
        try:
            async with administrator({**wanted, **login_settings(options)}) as connected:
                await _make(connected, topics, wish.dry)
            return
        except Refused:
            if time.monotonic() >= deadline:
                raise
            await asyncio.sleep(PAUSE)


async def _make(connected: Any, topics: Sequence[Topic], dry: bool) -> None:
    from pipeline.kafka.administration import carry_out, found, settled

    there = await found(connected, topics)
    for topic in topics:
        done = change(topic, there.get(topic.name))
        if not dry:
            await carry_out(connected, done)
        _say(done, dry)
    if not dry:
        await settled(connected, topics, SETTLING)


def _say(done: Change, dry: bool) -> None:
    for line in done.said or ("as it should be",):
        hypothetical = dry and not done.empty and not line.startswith("stays: ")
        print(f"{done.topic.name}: {'would ' if hypothetical else ''}{line}")
