"""Files by patterns as Ruby's `Dir.glob` reads them: `*`, `?`, `[a-z]`, `{a,b}`, and `**` for any folders.

Links to folders are followed where the pattern names them, but not where `**` finds them.
"""

from __future__ import annotations

import glob
import os
from collections.abc import Iterable, Iterator
from fnmatch import fnmatchcase


def found(patterns: Iterable[str], excluded: Iterable[str] = ()) -> dict[str, os.stat_result]:
    """The files that match a pattern and whose name matches none of the excluded, with their `stat`."""
    excluded = list(excluded)
    files: dict[str, os.stat_result] = {}
    for pattern in patterns:
        for plain in braces(pattern):
            for path in _matches(plain):
                name = os.path.basename(path)
                if path in files or any(fnmatchcase(name, one) for one in excluded):
                    continue
                try:
                    status = os.stat(path)
                except OSError:
                    continue
                if (status.st_mode & 0o170000) == 0o100000:
                    files[path] = status
    return files


def folders(pattern: str) -> list[str]:
    """The folders that match."""
    return [path for plain in braces(pattern) for path in _matches(plain) if os.path.isdir(path)]


def _matches(pattern: str) -> Iterator[str]:
    before, folders, rest = pattern.partition("/**/")
    if not folders:
        before, folders, rest = (pattern[:-3], "/**", "*") if pattern.endswith("/**") else (pattern, "", "")
    if not folders:
        yield from glob.iglob(pattern)
        return
    while rest.startswith("**/"):
        rest = rest[3:]
    for top in glob.iglob(f"{before}/"):
        for folder, below, _ in os.walk(top):
            below[:] = (name for name in below if not name.startswith("."))
            yield from _matches(os.path.join(glob.escape(folder), rest))


def braces(pattern: str) -> Iterator[str]:
    """The patterns that a pattern with `{a,b}` stands for."""
    start = pattern.find("{")
    if start < 0:
        yield pattern
        return
    depth, parts, begin = 0, [], start + 1
    for place in range(start, len(pattern)):
        character = pattern[place]
        if character == "{":
            depth += 1
        elif character == "," and depth == 1:
            parts.append(pattern[begin:place])
            begin = place + 1
        elif character == "}":
            depth -= 1
            if depth == 0:
                parts.append(pattern[begin:place])
                for part in parts:
                    yield from braces(pattern[:start] + part + pattern[place + 1 :])
                return
    yield pattern
