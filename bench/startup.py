"""Start-up: CPU seconds of commands, and of a start up to the moment that the engine listens.

Of several runs the best counts: nothing makes a start faster than it is, and much makes it slower.
"""

from __future__ import annotations

import sys
from pathlib import Path

from bench.material import CONFIGURATION, LOGGING
from bench.paths import TICK, beats
from bench.processes import Tree, cpu_of, engine, free_port, sink

COMMANDS = {
    "--help": ("--help",),
    "check": ("check", "-f", str(CONFIGURATION), "--path.settings", str(LOGGING)),
}
LISTENING = "start to listening"
BARE = "python that does nothing"
"""Says what the machine is like today."""


def measure(tree: Tree, folder: Path) -> dict[str, float]:
    """CPU seconds of one run of each."""
    found = {name: cpu_of(tree.command(*arguments), tree.environment) for name, arguments in COMMANDS.items()}
    found[LISTENING] = _listening(tree, folder)
    return found | {BARE: cpu_of([sys.executable, "-c", "pass"], tree.environment)}


def _listening(tree: Tree, folder: Path) -> float:
    port = free_port()
    with sink() as target, engine(tree, beats(port, target.port), folder) as running:
        running.listening(port)
        return max(running.cpu(), TICK)
