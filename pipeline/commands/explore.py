"""`apex-logs explore`: from the command line to the page."""

from __future__ import annotations

import os
import socket
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pipeline.commands.asking import Where, ask, opened
from pipeline.commands.settings import settings_or_faults
from pipeline.search.questions import Documents

TOKEN = "APEX_LOGS_EXPLORE_TOKEN"  # noqa: S105  the name of a variable
SHORTEST_TOKEN = 16


@dataclass(frozen=True, slots=True)
class Wish:
    """What the command line says."""

    where: Where
    host: str
    port: int
    engine: str
    traces: str
    saved: Path | None
    config: Sequence[str]
    settings: Path | None
    flags: Mapping[str, Any]


def explore(wish: Wish) -> int:
    """Serves the page until it is stopped; returns the exit code."""
    try:
        from pipeline.explore.site import LOOPBACK, Options, serve
    except ModuleNotFoundError as error:
        return _said(f'explore needs {error.name}: pip install "apex-logs[explore]"')
    token = os.environ.get(TOKEN) or None
    if wish.host not in LOOPBACK and token is None:
        return _said(
            f"{wish.host} can be reached by others: set {TOKEN} to a token that they need, or leave out --host"
        )
    if token is not None and len(token) < SHORTEST_TOKEN:
        return _said(f"{TOKEN} takes {SHORTEST_TOKEN} characters or more: openssl rand -hex 16 makes one")
    if "{}" not in wish.traces or not wish.traces.startswith(("http://", "https://")):
        return _said("--traces takes an http or https address with {} for the trace's id")
    known = settings_or_faults(wish.settings, wish.flags)
    if known is None:
        return 2
    if code := ask(wish.where, _nothing):
        return code
    options = Options(
        where=str(wish.where),
        opened=lambda: opened(wish.where),
        saved=wish.saved or _saved(),
        dead_letters=known.dead_letters,
        engine=wish.engine,
        traces=wish.traces,
        retry=_retry(wish),
        host=wish.host,
        port=wish.port or _free(wish.host),
        token=token,
    )
    if not _can_listen(options.host, options.port):
        return _said(f"cannot listen on {options.url}: something does already, or may not; choose another --port", 1)
    print(f"the page is at {options.url} (Ctrl-C ends it)", flush=True)
    serve(options)
    return 0


async def _nothing(_: Documents) -> None:
    """Asks nothing: that an address can be one is found out before the page is served."""


def _retry(wish: Wish) -> list[str]:
    """How `apex-logs dlq retry` finds the same letters and the outputs."""
    found = [f"--{name}={value}" for name, value in wish.flags.items() if value is not None]
    if wish.settings is not None:
        found += ["--path.settings", str(wish.settings)]
    if wish.config:
        found += [part for file in wish.config for part in ("-f", file)]
        if wish.where.elasticsearch is None:
            found += ["--embedded", str(wish.where.embedded)]
    return found


def _saved() -> Path:
    folder = os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config"
    return Path(folder) / "apex-logs" / "queries.json"


def _can_listen(host: str, port: int) -> bool:
    try:
        with socket.create_server((host, port), family=_family(host)):
            return True
    except OSError:
        return False


def _free(host: str) -> int:
    with socket.create_server((host, 0), family=_family(host)) as server:
        return int(server.getsockname()[1])


def _family(host: str) -> socket.AddressFamily:
    return socket.AF_INET6 if ":" in host else socket.AF_INET


def _said(message: str, code: int = 2) -> int:
    print(f"apex-logs: {message}", file=sys.stderr)
    return code
