"""Reads the files of a configuration: one file, a directory, a pattern such as `conf.d/*.conf`.

Several files are read in the order of their names. Of a directory every file is read, except hidden
ones and those that end in `~`, which editors leave behind.
"""

from __future__ import annotations

import glob
import re
from collections.abc import Sequence
from pathlib import Path

from pipeline.grammar.faults import Fault
from pipeline.grammar.sources import Source, Span

DEFAULTS = {"input": "input { stdin { type => stdin } }", "output": "output { stdout { codec => rubydebug } }"}
"""What Logstash adds to a text that has no such section."""
_UTF_16 = (b"\xff\xfe", b"\xfe\xff")


def load(path: str) -> tuple[list[Source], list[Fault]]:
    """The sources that a path stands for, and a fault for each that cannot be read, or if there are none."""
    path = path.removeprefix("file://")
    names = _names(path)
    sources: list[Source] = []
    faults: list[Fault] = []
    for name in names:
        source, fault = _read(name)
        if source is not None:
            sources.append(source)
        if fault is not None:
            faults.append(fault)
    if not names:
        faults.append(Fault(_nothing(path)))
    return sources, faults


def completed(sources: Sequence[Source]) -> list[Source]:
    """With standard input and output where a text has no input or no output, as in Logstash; not for files."""
    text = "\n".join(source.text for source in sources)
    missing = [name for name in DEFAULTS if not re.search(name + " *{", text)]
    return [*sources, *(Source(f"default {name}", DEFAULTS[name]) for name in missing)]


def from_text(text: str, name: str = "-e") -> list[Source]:
    """The source of a text that was given on the command line, or by a setting."""
    return [Source(name, text)]


def _names(path: str) -> list[str]:
    if Path(path).exists() and not Path(path).is_dir():
        return [path]
    patterns = [str(Path(glob.escape(path)) / "*")] if Path(path).is_dir() else _alternatives(path)
    found = {name for pattern in patterns for name in glob.glob(pattern, recursive=True)}  # noqa: PTH207 - as given
    return sorted(name for name in found if not name.endswith("~") and not Path(name).is_dir())


def _alternatives(pattern: str) -> list[str]:
    """The patterns that `{a,b}` in a pattern stands for; Ruby's globs have it, Python's have not."""
    braces = re.search(r"\{([^{}]*)\}", pattern)
    if braces is None:
        return [pattern]
    head, tail = pattern[: braces.start()], pattern[braces.end() :]
    return [full for choice in braces[1].split(",") for full in _alternatives(head + choice + tail)]


def _nothing(path: str) -> str:
    if path.startswith(("http://", "https://")):
        return f"{path} is not fetched: save it to a file first, so that what runs is what was read"
    if Path(path).is_dir():
        return f"there is no configuration in the directory {path}: it has no files, or only hidden ones"
    if glob.has_magic(path) or "{" in path:
        return f"no file matches {path}: check the pattern, and quote it against the shell"
    return f"there is no file or directory {path}: check the path, which starts from {Path.cwd()}"


def _read(name: str) -> tuple[Source | None, Fault | None]:
    try:
        data = Path(name).read_bytes()
    except OSError as error:
        return None, Fault(f"{name} cannot be read: {error.strerror or error}; check its owner and permissions")
    if data.startswith(_UTF_16):
        return None, Fault(f"{name} is UTF-16: save it as UTF-8")
    try:
        return Source(name, data.decode()), None
    except UnicodeDecodeError as error:
        text = data.decode(errors="replace")
        at = len(data[: error.start].decode())
        message = f"byte 0x{data[error.start]:02x} is not UTF-8: save the file as UTF-8"
        return None, Fault(message, Span(Source(name, text), at, at + 1))
