"""Dead letters on the page: the newest with their reasons, and `apex-logs dlq retry` in a process of its own."""

from __future__ import annotations

import asyncio
import sys
from collections import Counter, deque
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from pipeline.disk.letters import Letter, letters
from pipeline.errors import StoreError

SHOWN = 200
"""So many of the newest are listed; the reasons are counted over all."""
_TIMEOUT = 300.0
_SCRIPT = "from pipeline.cli.main import main; main()"


@dataclass(frozen=True, slots=True)
class Letters:
    """The dead letters of a folder."""

    total: int
    newest: list[Letter]
    """The newest first."""
    reasons: list[tuple[str, int]]
    """The most frequent first."""
    damages: list[str]
    """What could not be read."""


@dataclass(frozen=True, slots=True)
class Retried:
    """What became of a retry."""

    delivered: bool
    """Whether every letter has its end."""
    said: str


def look(folder: Path) -> Letters:
    """Reads them all, which takes long where there are many: call it in a thread."""
    newest: deque[Letter] = deque(maxlen=SHOWN)
    reasons: Counter[str] = Counter()
    damages: list[StoreError] = []
    for letter in letters(folder, damages.append):
        newest.append(letter)
        reasons[str(letter.record.get("reason", ""))[:120]] += 1
    return Letters(reasons.total(), list(newest)[::-1], reasons.most_common(10), [str(each) for each in damages])


def row(letter: Letter) -> dict[str, str]:
    """A row of the table of dead letters."""
    record = letter.record
    shown = {name: str(record.get(name, ""))[:1_000] for name in ("plugin", "reason")}
    time = str(record.get("time", ""))[:19].replace("T", " ")
    return {"key": letter.name, "time": time, **shown, "payload": letter.payload[:1_000].decode(errors="replace")}


async def retry(names: Sequence[str], arguments: Sequence[str]) -> Retried:
    """Sends letters again, as `apex-logs dlq retry` with these arguments does; no names mean all."""
    # The names come from the browser: behind `--` none of them is an option, such as another configuration.
    chosen = ["--", *names] if names else ["--all"]
    command = [sys.executable, "-c", _SCRIPT, "dlq", "retry", *arguments, *chosen]
    process = await asyncio.create_subprocess_exec(
        *command, stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
    )
    try:
        out, _ = await asyncio.wait_for(process.communicate(), _TIMEOUT)
    except TimeoutError:
        process.terminate()
        await process.wait()
        return Retried(False, f"the outputs took nothing within {_TIMEOUT:g} s; the letters that are left stay")
    return Retried(process.returncode == 0, out.decode(errors="replace").strip())
