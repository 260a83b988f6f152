"""What changes nothing in the dead letter queue: list, show, count, export."""

from __future__ import annotations

import contextlib
import os
import re
import sys
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, BinaryIO

import orjson

from pipeline.commands.dlq_selection import Selection, report
from pipeline.commands.settings import settings_or_faults
from pipeline.disk.letters import Letter
from pipeline.disk.segments import segments
from pipeline.errors import StoreError

_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")
_WIDTH = 120
_MOST = 20


def list_letters(settings: Path | None, flags: Mapping[str, Any], selection: Selection, as_json: bool) -> int:
    """One line a letter: its name, time, plugin and reason."""
    known = settings_or_faults(settings, flags)
    if known is None:
        return 2
    found: list[str] = []
    damages: list[StoreError] = []
    for letter in selection.letters(known.dead_letters, damages.append):
        found.append(letter.name)
        record = letter.record
        if as_json:
            print(orjson.dumps({"name": letter.name, **record}).decode())
        else:
            print(f"{letter.name:<8} {record['time']}  {_line(record['plugin'])}: {_line(record['reason'])}")
    missing = selection.missing(found)
    if not found and not damages and not missing and not as_json:
        print(f"no dead letters in {known.dead_letters}", file=sys.stderr)
    return report(damages, missing)


def show_letter(settings: Path | None, flags: Mapping[str, Any], name: str) -> int:
    """One letter whole, readable: each part under its name."""
    known = settings_or_faults(settings, flags)
    if known is None:
        return 2
    damages: list[StoreError] = []
    for letter in Selection((name,)).letters(known.dead_letters, damages.append):
        for part, value in letter.record.items():
            print(f"{part}:\n    {_whole(value)}")
        return 0
    return report(damages, [name])


def show_stats(settings: Path | None, flags: Mapping[str, Any], as_json: bool) -> int:
    """How many letters there are, of which kinds, and what they take."""
    known = settings_or_faults(settings, flags)
    if known is None:
        return 2
    folder = known.dead_letters
    damages: list[StoreError] = []
    count: Counter[tuple[str, str]] = Counter()
    size: Counter[tuple[str, str]] = Counter()
    times: list[str] = []
    for letter in Selection().letters(folder, damages.append):
        key = letter.record["plugin"], _cut(letter.record["reason"])
        count[key] += 1
        size[key] += letter.size
        times = (
            [letter.record["time"]]
            if not times
            else [min(times[0], letter.record["time"]), max(times[-1], letter.record["time"])]
        )
    stats = {
        "letters": count.total(),
        "bytes": size.total(),
        "oldest": times[0] if times else None,
        "newest": times[-1] if times else None,
        "segments": len(segments(folder)),
        "segment_bytes": sum(path.stat().st_size for path in segments(folder)),
        "max_bytes": known.dead_letter_queue_max_bytes,
        "storage_policy": known.dead_letter_queue_storage_policy,
        "damaged": [str(damage) for damage in damages],
        "by": [
            {"plugin": plugin, "reason": reason, "letters": number, "bytes": size[plugin, reason]}
            for (plugin, reason), number in count.most_common()
        ],
    }
    if as_json:
        print(orjson.dumps(stats, option=orjson.OPT_INDENT_2).decode())
    else:
        _print_stats(folder, stats)
    return report(damages)


def _print_stats(folder: Path, stats: Mapping[str, Any]) -> None:
    print(f"{stats['letters']} dead letters in {folder}, {stats['bytes']} bytes")
    if stats["letters"]:
        print(f"oldest {stats['oldest']}, newest {stats['newest']}")
    used = f"{stats['segment_bytes']} of {stats['max_bytes']} bytes ({stats['storage_policy']})"
    print(f"{stats['segments']} segments, {len(stats['damaged'])} damaged; {used}")
    for row in stats["by"][:_MOST]:
        print(f"{row['letters']:>8}  {_line(row['plugin'])}: {_line(row['reason'])}")
    if len(stats["by"]) > _MOST:
        print(f"     ...  {len(stats['by']) - _MOST} more plugins and reasons; --json has them all")


def export_letters(
    settings: Path | None, flags: Mapping[str, Any], selection: Selection, output: Path | None, original: bool
) -> int:
    """Whole letters, or their original lines, to a file or to stdout."""
    known = settings_or_faults(settings, flags)
    if known is None:
        return 2
    found: list[str] = []
    damages: list[StoreError] = []
    left_out = 0
    try:
        with _opened(output) as file:
            for letter in selection.letters(known.dead_letters, damages.append):
                found.append(letter.name)
                line = _original_line(letter) if original else orjson.dumps({"name": letter.name, **letter.record})
                if line is None:
                    left_out += 1
                else:
                    file.write(line + b"\n")
    except OSError as error:
        print(f"apex-logs: cannot write to {output or 'stdout'}: {error.strerror}", file=sys.stderr)
        return 2
    if left_out:
        print(
            f"apex-logs: {left_out} of {len(found)} letters are left out: their originals are not one line of text; "
            "without --original they are exported whole",
            file=sys.stderr,
        )
    return report(damages, selection.missing(found)) or int(left_out > 0)


def _original_line(letter: Letter) -> bytes | None:
    line = letter.payload.rstrip(b"\r\n")
    try:
        line.decode()
    except UnicodeDecodeError:
        return None
    return None if b"\n" in line else line


@contextlib.contextmanager
def _opened(path: Path | None) -> Iterator[BinaryIO]:
    if path is None:
        yield sys.stdout.buffer
        sys.stdout.buffer.flush()
        return
    with path.open("wb") as file:
        yield file
        file.flush()
        os.fsync(file.fileno())


# ---------------------------------------------------------------------------------------------- for people


def _line(text: str) -> str:
    """A text in one line. What an event holds came from anywhere: nothing in it may steer the terminal."""
    return _CONTROL.sub(_escape, _cut(text))


def _cut(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= _WIDTH else line[: _WIDTH - 1] + "…"


def _whole(value: Any) -> str:
    text = value if isinstance(value, str) else orjson.dumps(value).decode()
    return _CONTROL.sub(_escape, text.rstrip("\n")).replace("\n", "\n    ")


def _escape(control: re.Match[str]) -> str:
    return f"\\x{ord(control[0]):02x}"
