"""`apex-logs check`: every fault and every surprise of a configuration, without running it."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from pipeline.commands.arguments import Arguments
from pipeline.commands.faults import print_faults
from pipeline.errors import ConfigurationError
from pipeline.pipelines.chosen import Chosen


def check_configuration(arguments: Arguments) -> int:
    """Prints warnings and faults; 0 if the configuration can run, 2 if not."""
    try:
        every = arguments.read_all()
    except ConfigurationError as error:
        print_faults(error)
        return 2
    for chosen in every:
        for warning in chosen.warnings:
            print(f"warning: {warning}", file=sys.stderr)
    if code := report(every):
        return code
    for chosen in every:
        where = f" ({chosen.name})" if len(every) > 1 else ""
        print(f"Configuration OK{where}: {_counts(chosen)}")
    return 0


def report(every: Sequence[Chosen]) -> int:
    """Prints the faults of all pipelines; 2 if there are any."""
    faults = list(dict.fromkeys(fault for chosen in every for fault in chosen.faults))
    if not faults:
        return 0
    print_faults(ConfigurationError(faults))
    return 2


def _counts(chosen: Chosen) -> str:
    assert chosen.plan is not None
    counts = {kind: len(chosen.plan.section(kind)) for kind in ("input", "filter", "output")}
    return ", ".join(f"{count} {kind}{'s' * (count != 1)}" for kind, count in counts.items())
