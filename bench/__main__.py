"""All measurements, as a table with the goals beside the figures; also in bench/results.json.

    python -m bench [--quick] [--long]

`--quick` takes few events, to see that all works; its figures mean little. `--long` adds a million events, and the
memory after each 100,000 of them. The figures are explained in docs/benchmarks.md.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from bench import kafka, replay, scaling, shipping, startup
from bench.events import generate
from bench.figures import MISSED, Figure, as_json, machine, table
from bench.floor import Compared
from bench.material import ROOT, provide_database
from bench.paths import DELAYED, MANY, PERSISTED, Bench, Run, beats_to_sink, file_to_file, proof
from bench.processes import Tree

RESULTS = ROOT / "bench" / "results.json"
REPLAY = "replay"
FILE, BEATS, SLOW, CROWD = "file to file", "Beats to sink", "Beats to a sink of 200 ms", "Beats, 1,000 connections"
QUEUE, KAFKA = "Beats through the persistent queue", "Kafka to sink"
RATIOS = {FILE: 0.6, BEATS: 0.4, QUEUE: 0.2, SLOW: 0.4}
MEMORY = 150.0
GROK = {"COMBINEDAPACHELOG": 1.3, "COMBINEDAPACHELOG, ECS": 1.4, "COMBINEDAPACHELOG, no match": 1.0}
"""Times the bare engine; the fields of ECS are objects within objects, which the bare engine does not make."""
GROWTH = 10.0
"""MB: more than this between the two halves of a million events is not flat."""
STARTS: dict[str, float | None] = {"--help": 0.3, "check": 0.3, startup.LISTENING: 0.6, startup.BARE: None}


@dataclass(frozen=True, slots=True)
class Size:
    """How much is measured."""

    events: int = 200_000
    """Of fewer, too large a part meets an address of its source for the first time."""
    rounds: int = 5
    crowds: int = 2
    scaling_rounds: int = 3
    floor_seconds: float = 3.0
    stage_events: int = 16_384
    stage_rounds: int = 7
    starts: int = 7
    proven: int = 10_000
    lines: int = 300_000
    ship_rounds: int = 3


FULL = Size()
QUICK = Size(
    events=8_000,
    rounds=1,
    crowds=1,
    scaling_rounds=1,
    floor_seconds=0.5,
    stage_events=2_048,
    stage_rounds=1,
    starts=1,
    proven=2_000,
    lines=20_000,
    ship_rounds=1,
)
LONG, STEP = 1_000_000, 100_000


def main(arguments: Sequence[str] | None = None) -> int:
    """Measures, prints and writes."""
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__.partition("\n")[0])
    parser.add_argument("--quick", action="store_true", help="few events: to see that all works")
    parser.add_argument("--long", action="store_true", help="also memory over a million events")
    parsed = parser.parse_args(arguments)
    start, where = time.monotonic(), machine()
    try:
        with tempfile.TemporaryDirectory(prefix="apex-logs-bench-") as folder:
            found = measure(QUICK if parsed.quick else FULL, Path(folder), long=parsed.long)
    except KeyboardInterrupt:
        print("\ninterrupted", file=sys.stderr)
        return 130
    where["seconds"] = round(time.monotonic() - start)
    print("\n".join(table(found)))
    print("\n{python}, {system}, {cores} cores, load {load:.1f}; {seconds} s".format(**where))
    missed = [f"{figure.subject}: {figure.name}" for figure in found if figure.missed]
    print(f"{MISSED}: " + "; ".join(missed) if missed else "every goal is reached")
    RESULTS.write_text(json.dumps({"machine": where, "figures": as_json(found)}, indent=1) + "\n", encoding="utf-8")
    return 0


def measure(size: Size, folder: Path, *, long: bool = False) -> list[Figure]:
    """Everything, in the order of the table."""
    provide_database(folder)
    tree = Tree()
    say("every document of a short run is compared with what it should be")
    proof(Bench(_new(folder / "proof"), generate(size.proven)), tree)
    bench = Bench(folder, generate(size.events))
    with kafka.broker(folder) as bootstrap:
        if bootstrap is None:
            say("no Kafka can be had: its path is left out")
        else:
            say("the events are written to Kafka")
            kafka.fill(bootstrap, bench)
        runs = path_runs(bench, tree, size, bootstrap)
        scaled = scaling.scaling_runs(bench, tree, size.scaling_rounds, bootstrap, say)
    floors = tuple(scaling.floor_scaling(size.floor_seconds) for _ in range(size.scaling_rounds))
    say("stages")
    staged = stages_apart(size)
    say("grok")
    grokked = grok_apart()
    say("the shipper")
    shipped = shipping.figures(tree, bench.new_folder(), size.lines, size.ship_rounds)
    say("start-up")
    starts = [startup.measure(tree, bench.new_folder()) for _ in range(size.starts)]
    say("a larger archive, and gzip")
    larger = [replay.replay_to_file(bench, tree, times) for times in replay.TIMES]
    replays = runs.pop(REPLAY)
    found = [figure for subject, of in runs.items() for figure in path_figures(subject, of)]
    found += replay.replay_figures(replays, runs[FILE], larger) + replay.inflating(bench, size.rounds)
    shares = tuple(queued.ratio / straight.ratio for queued, straight in zip(runs[QUEUE], runs[BEATS], strict=True))
    found.append(Figure(QUEUE, "of the speed without it", shares, least=0.5))
    for shape, of in scaled.items():
        found += scaling.scaling_figures(shape, of)
    found.append(Figure("scaling: the floor", "events/s of wall, two processes / one", floors))
    found += stage_figures(staged) + grok_figures(grokked) + shipped + start_figures(starts)
    if long:
        say(f"{LONG:,} events: first they are made")
        bench.longer(LONG)
        say(f"{LONG:,} events through one engine")
        found += memory_figures(beats_to_sink(bench, tree, step=STEP))
    return found


def path_runs(bench: Bench, tree: Tree, size: Size, bootstrap: str | None) -> dict[str, list[Run]]:
    """All paths in turns, so that a bad minute of the machine is not one path's alone."""
    turns: dict[str, tuple[int, Callable[[], Run]]] = {
        FILE: (size.rounds, lambda: file_to_file(bench, tree)),
        REPLAY: (size.rounds, lambda: replay.replay_to_file(bench, tree)),
        BEATS: (size.rounds, lambda: beats_to_sink(bench, tree)),
        QUEUE: (size.rounds, lambda: beats_to_sink(bench, tree, PERSISTED)),
        SLOW: (size.rounds, lambda: beats_to_sink(bench, tree, DELAYED)),
        CROWD: (size.crowds, lambda: beats_to_sink(bench, tree, MANY)),
    }
    if bootstrap is not None:
        turns[KAFKA] = (size.rounds, lambda: kafka.kafka_to_sink(bench, tree, bootstrap))
    runs: dict[str, list[Run]] = {subject: [] for subject in turns}
    for turn in range(size.rounds):
        for subject, (rounds, run) in turns.items():
            if turn < rounds:
                say(f"{subject}, {turn + 1} of {rounds}")
                runs[subject].append(run())
    return runs


def stages_apart(size: Size) -> dict[str, Compared]:
    """The stages, in a process that holds nothing else."""
    arguments = ["--count", str(size.stage_events), "--rounds", str(size.stage_rounds)]
    command = [sys.executable, "-m", "bench.stages", *arguments]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(f"bench.stages ended with {done.returncode}: {done.stderr}")
    return {name: Compared(**of) for name, of in json.loads(done.stdout).items()}


def grok_apart() -> dict[str, tuple[float, float]]:
    """The grok filter beside the bare engine, in a process of its own."""
    done = subprocess.run([sys.executable, "-m", "bench.grok"], cwd=ROOT, capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(f"bench.grok ended with {done.returncode}: {done.stderr}")
    return {name: (micros, ratio) for name, (micros, ratio) in json.loads(done.stdout).items()}


def grok_figures(found: dict[str, tuple[float, float]]) -> list[Figure]:
    """How many times the bare engine a line costs, and the microseconds."""
    figures = []
    for name, (micros, ratio) in found.items():
        figures.append(Figure("grok: cost of a line / bare re", name, (ratio,), below=GROK.get(name)))
        figures.append(Figure("grok: us a line", name, (micros,)))
    return sorted(figures, key=lambda figure: figure.subject)


def path_figures(subject: str, runs: Sequence[Run]) -> list[Figure]:
    """What is told of a path."""
    found = [
        Figure(subject, "ratio to the floor", tuple(run.ratio for run in runs), least=RATIOS.get(subject)),
        Figure(subject, "events/s of CPU", tuple(1e6 / run.micros for run in runs)),
        Figure(subject, "private memory at most, MB", tuple(run.uss_peak for run in runs), below=MEMORY),
    ]
    if subject == CROWD:
        names = {
            "requests_per_second": "bulk requests/s",
            "windows_per_second": "windows/s",
            "micros_per_window": "CPU us a window",
            "latency_median_ms": "ms to acknowledgement, median",
            "latency_p99_ms": "ms to acknowledgement, 99th of 100",
        }
        found += [Figure(subject, name, tuple(run.more[key] for run in runs)) for key, name in names.items()]
    return found


def stage_figures(staged: dict[str, Compared]) -> list[Figure]:
    """The ratio of each stage, and what the floor was."""
    found = [Figure("stages: ratio to the floor", name, (of.ratio,)) for name, of in staged.items()]
    floors = tuple(of.floor for of in staged.values())
    return [*found, Figure("the floor", "us an event", floors)]


def start_figures(starts: Sequence[dict[str, float]]) -> list[Figure]:
    """CPU seconds, the best of them."""
    subject = "start-up, CPU seconds, the best"
    return [
        Figure(subject, name, tuple(start[name] for start in starts), below=goal, best=True)
        for name, goal in STARTS.items()
    ]


def memory_figures(run: Run) -> list[Figure]:
    """Memory after each step, at most, and whether it grows."""
    subject = f"private memory over {run.events:,} events, MB"
    found = [Figure(subject, f"after {items:,}", (memory,)) for items, memory in run.course]
    memories = [memory for _, memory in run.course[1:]]  # the first step fills the caches
    half = len(memories) // 2
    growth = sum(memories[-half:]) / half - sum(memories[:half]) / half
    return [
        *found,
        Figure(subject, "at most", (run.uss_peak,), below=MEMORY),
        Figure(subject, "growth, the second half over the first", (growth,), below=GROWTH),
        Figure(subject, "ratio to the floor", (run.ratio,), least=RATIOS[BEATS]),
    ]


def say(text: str) -> None:
    """What is being done, for those who wait."""
    print(f"... {text}", file=sys.stderr, flush=True)


def _new(folder: Path) -> Path:
    folder.mkdir()
    return folder


if __name__ == "__main__":
    sys.exit(main())
