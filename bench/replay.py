"""Archives: `apex-logs replay` beside `run` on the same file, memory on files of two sizes, and inflating gzip."""

from __future__ import annotations

import contextlib
import gzip
import zlib
from collections.abc import Iterator, Sequence
from pathlib import Path

from bench.figures import Figure
from bench.floor import Loop, micros
from bench.material import FILTERS
from bench.paths import Bench, Run, to_file
from bench.processes import Engine, Tree, engine
from pipeline.disk.unpacking import Bound, unpack

TIMES = 4, 8
"""How much larger the files are on which memory is measured: the caches are full when the first of them is read."""
MEMORY, GROWTH = 200.0, 10.0
"""MB"""
_BLOCK = 256 * 1024


def replay_to_file(bench: Bench, tree: Tree, times: int = 1) -> Run:
    """The file of `file_to_file`, so many times over, as an archive, through the same filters to the same output."""
    folder = bench.new_folder()
    if times == 1:
        return to_file(bench, lambda out: _replaying(tree, bench.lines, out), folder)
    larger = bench.folder / "larger.ndjson"
    with larger.open("wb") as file:
        for _ in range(times):
            file.write(bench.lines.read_bytes())
    run = to_file(bench, lambda out: _replaying(tree, larger, out), folder, times)
    larger.unlink()
    return run


@contextlib.contextmanager
def _replaying(tree: Tree, archive: Path, out: Path) -> Iterator[Engine]:
    configuration = f'{FILTERS}\noutput {{ file {{ path => "{out}" }} }}\n'
    with engine(tree, configuration, out.parent, command=("replay", str(archive), "--quiet")) as running:
        yield running


def replay_figures(runs: list[Run], beside: list[Run], larger: Sequence[Run]) -> list[Figure]:
    """What is told of it: speed beside file to file of the same round, and memory."""
    subject = "replay, file to file"
    shares = tuple(run.ratio / other.ratio for run, other in zip(runs, beside, strict=True))
    peaks = [run.uss_peak for run in larger]
    return [
        Figure(subject, "ratio to the floor", tuple(run.ratio for run in runs)),
        Figure(subject, "events/s of CPU", tuple(1e6 / run.micros for run in runs)),
        Figure(subject, "of the speed of run", shares, least=0.9),
        Figure(subject, "private memory at most, MB", tuple(run.uss_peak for run in runs), below=MEMORY),
        *(
            Figure(subject, f"private memory at most, a file {times} times as large, MB", (peak,), below=MEMORY)
            for times, peak in zip(TIMES, peaks, strict=True)
        ),
        Figure(subject, "growth between these, MB", (peaks[1] - peaks[0],), below=GROWTH),
    ]


def inflating(bench: Bench, rounds: int) -> list[Figure]:
    """gzip as replay reads it, with isal, and with the standard library's zlib; in turns."""
    packed = bench.folder / "lines.gz"
    packed.write_bytes(gzip.compress(bench.lines.read_bytes()))
    size = bench.lines.stat().st_size
    isal = [1 / micros(_isal(packed, size)) for _ in range(rounds)]
    standard = [1 / micros(_standard(packed, size)) for _ in range(rounds)]
    subject = "gzip, MB/s unpacked"
    return [
        Figure(subject, "isal", tuple(isal)),
        Figure(subject, "the standard library", tuple(standard)),
        Figure(subject, "isal / the standard library", tuple(a / b for a, b in zip(isal, standard, strict=True))),
    ]


def _blocks(path: Path) -> Iterator[bytes]:
    with path.open("rb", buffering=0) as file:
        while data := file.read(_BLOCK):
            yield data


def _isal(path: Path, size: int) -> Loop:
    def run() -> int:
        assert sum(map(len, unpack(_blocks(path), "gzip", Bound()))) == size
        return size  # an "event" is a byte: microseconds for each are seconds for a megabyte

    return run


def _standard(path: Path, size: int) -> Loop:
    def run() -> int:
        unpacker = zlib.decompressobj(31)
        seen = 0
        for block in _blocks(path):
            data = block
            while data:
                seen += len(unpacker.decompress(data, _BLOCK))
                data = unpacker.unconsumed_tail
        seen += len(unpacker.flush())
        assert seen == size
        return size

    return run
