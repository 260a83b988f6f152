"""Two commits in one run: the ratios of this tree, as it is now, to a revision.

    python -m bench.compare [REV] [--rounds N] [--events N]        REV is HEAD if it is not given

The revision is checked out into a git worktree in a temporary folder, which is removed at the end, after Ctrl-C too.
Both engines are measured in turns, by this tree's measurements and with this environment's packages. In each turn the
one's ratio to the floor is divided by the other's: above 1, this tree is faster. Of start-up the best runs are divided.
"""

from __future__ import annotations

import argparse
import contextlib
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import TypeVar

from bench import startup
from bench.__main__ import say
from bench.events import generate
from bench.figures import Figure, machine, table
from bench.material import ROOT, provide_database
from bench.paths import Bench, Run, beats_to_sink, file_to_file
from bench.processes import Tree

PATHS: dict[str, Callable[[Bench, Tree], Run]] = {"file to file": file_to_file, "Beats to sink": beats_to_sink}
Found = TypeVar("Found")
Pairs = list[tuple[float, float]]
"""What was measured of this tree and, beside it, of the other."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Measures both and prints the ratios."""
    parser = argparse.ArgumentParser(prog="python -m bench.compare", description=__doc__.partition("\n")[0])
    parser.add_argument("revision", nargs="?", default="HEAD")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--events", type=int, default=120_000)
    parsed = parser.parse_args(arguments)
    try:
        commit = git("rev-parse", "--verify", "--quiet", f"{parsed.revision}^{{commit}}")
    except subprocess.CalledProcessError:
        print(f"{parsed.revision} is no commit of this repository", file=sys.stderr)
        return 2
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        with worktree(commit) as other, tempfile.TemporaryDirectory(prefix="apex-logs-bench-") as folder:
            print("\n".join(compare(Tree(other), Path(folder), parsed.events, parsed.rounds)))
    except KeyboardInterrupt:
        print("\ninterrupted", file=sys.stderr)
        return 130
    print(
        f"\nthis tree to {parsed.revision} ({commit[:12]}); "
        + "{python}, {cores} cores, load {load:.1f}".format(**machine())
    )
    return 0


@contextlib.contextmanager
def worktree(commit: str, repository: Path = ROOT) -> Iterator[Path]:
    """The commit, checked out for the time of the block."""
    folder = Path(tempfile.mkdtemp(prefix="apex-logs-compare-"))
    path = folder / "tree"
    try:
        git("worktree", "add", "--detach", "--quiet", str(path), commit, repository=repository)
        yield path
    finally:
        before = signal.signal(signal.SIGINT, signal.SIG_IGN)  # git inherits it
        with contextlib.suppress(subprocess.CalledProcessError):  # where adding it was cut short
            git("worktree", "remove", "--force", str(path), repository=repository)
        shutil.rmtree(folder, ignore_errors=True)
        signal.signal(signal.SIGINT, before)


def git(*arguments: str, repository: Path = ROOT) -> str:
    """Runs git in a folder; returns what it prints."""
    command = ["git", "-C", str(repository), *arguments]
    return subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout.strip()


def compare(other: Tree, folder: Path, events: int, rounds: int) -> Iterator[str]:
    """Measures both in turns; the lines to print."""
    this = Tree()
    provide_database(folder)
    for tree in (this, other):
        _imports_its_own(tree)
        startup.measure(tree, folder / "warm")  # its modules are compiled now
    bench = Bench(folder, generate(events))
    ratios: dict[str, Pairs] = {name: [] for name in PATHS}
    starts: dict[str, Pairs] = {}
    for turn in range(rounds):
        say(f"turn {turn + 1} of {rounds}")
        for name, path in PATHS.items():
            here, there = in_turn(turn, partial(path, bench), this, other)
            ratios[name].append((here.ratio, there.ratio))
        started, other_started = in_turn(turn, lambda tree: startup.measure(tree, bench.new_folder()), this, other)
        for name, seconds in started.items():
            starts.setdefault(name, []).append((seconds, other_started[name]))
    yield from table([*path_figures(ratios), *start_figures(starts)])


def in_turn(turn: int, measure: Callable[[Tree], Found], this: Tree, other: Tree) -> tuple[Found, Found]:
    """Of this tree and of the other; who is first changes with each turn."""
    if turn % 2:
        there = measure(other)
        return measure(this), there
    here = measure(this)
    return here, measure(other)


def path_figures(ratios: dict[str, Pairs]) -> Iterator[Figure]:
    """How much faster this tree is on each path, and what both reach."""
    for name, pairs in ratios.items():
        yield Figure(name, "speed, this / other", tuple(here / there for here, there in pairs))
        yield Figure(name, "ratio to the floor, this tree", tuple(here for here, _ in pairs))
        yield Figure(name, "ratio to the floor, the other", tuple(there for _, there in pairs))


def start_figures(starts: dict[str, Pairs]) -> Iterator[Figure]:
    """How much CPU time a start takes against the other's: below 1, this tree starts faster."""
    for name, pairs in starts.items():
        here, there = (tuple(pair[side] for pair in pairs) for side in (0, 1))
        subject = f"start-up, CPU seconds: {name}"
        yield Figure(subject, "time, this / other", (min(here) / min(there),))
        yield Figure(subject, "this tree", here, best=True)
        yield Figure(subject, "the other", there, best=True)


def _imports_its_own(tree: Tree) -> None:
    code = "import pipeline; print(pipeline.__file__)"
    command = [sys.executable, "-P", "-c", code]
    found = subprocess.run(command, check=True, env=tree.environment, stdout=subprocess.PIPE, text=True).stdout
    assert Path(found).is_relative_to(tree.root), f"{tree.root} is not what would be measured, but {found}"


if __name__ == "__main__":
    sys.exit(main())
