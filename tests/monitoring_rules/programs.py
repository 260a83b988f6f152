"""How tests run the programs: once to its end, or as a server that answers HTTP until the block ends."""

from __future__ import annotations

import os
import signal
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.servers.debian import Program

PATIENCE = 60.0


def told(program: Program, *arguments: str | Path) -> str:
    """What a program prints; fails with that if it does."""
    command = [program.path, *map(str, arguments)]
    done = subprocess.run(command, env=program.environment, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, f"{' '.join(command)}\n{done.stdout}{done.stderr}"
    return done.stdout + done.stderr


@contextmanager
def serving(program: Program, *arguments: str | Path, ready: str, log: Path) -> Iterator[None]:
    """The program runs, and has answered at that address, until the block ends."""
    command = [program.path, *map(str, arguments)]
    with log.open("wb") as out:
        process = subprocess.Popen(
            command,
            env=program.environment,
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=out,
            start_new_session=True,  # a program that another one runs for it ends with it
        )
    try:
        deadline = time.monotonic() + PATIENCE
        while not _answers(ready):
            assert process.poll() is None, f"{command} ended:\n{log.read_text()}"
            assert time.monotonic() < deadline, f"{command} does not answer at {ready}:\n{log.read_text()}"
            time.sleep(0.05)
        yield
    finally:
        _end(process)


def _end(process: subprocess.Popen[bytes]) -> None:
    if process.poll() is None:
        os.killpg(process.pid, signal.SIGTERM)
        try:
            process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait(PATIENCE)


def fetched(url: str) -> str:
    with urllib.request.urlopen(url, timeout=PATIENCE) as answer:
        return answer.read().decode()


def _answers(url: str) -> bool:
    try:
        fetched(url)
    except (urllib.error.URLError, ConnectionError, TimeoutError):
        return False
    return True
