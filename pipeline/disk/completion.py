"""What is done with a complete file when all of it was delivered: its path is logged, it is deleted, or both."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from pathlib import Path

Complete = Callable[[str, Sequence[str]], bool]
"""From the path by which a file was read and all paths that lead to it; True if it is gone. Raises OSError."""


def logged_or_deleted(action: str, log: Path | None) -> Complete:
    """Logstash's `file_completed_action`: `log`, `delete`, `log_and_delete`."""

    def complete(path: str, paths: Sequence[str]) -> bool:
        if log is not None and action != "delete":
            with log.open("a", encoding="utf-8", errors="surrogateescape") as file:
                file.write(f"{path}\n")
        return action != "log" and _deleted(paths)

    return complete


def _deleted(paths: Sequence[str]) -> bool:
    """Deletes the paths; True if no other is left, such as a link that was not looked for."""
    if not paths:
        return False
    left = os.stat(paths[0]).st_nlink
    for path in paths:
        symbolic = os.path.islink(path)
        try:
            os.unlink(path)
        except FileNotFoundError:  # it was one of the others, by way of a linked folder
            continue
        left -= not symbolic
    return left <= 0
