"""`apex-logs check`: every fault and every surprise of a configuration, without running it."""

from __future__ import annotations

import sys

from pipeline.cli.arguments import Arguments
from pipeline.cli.faults import print_faults
from pipeline.errors import ConfigurationError


def check_configuration(arguments: Arguments) -> int:
    """Prints warnings and faults; 0 if the configuration can run, 2 if not."""
    try:
        read, plan = arguments.read()
    except ConfigurationError as error:
        print_faults(error)
        return 2
    for warning in [*read.warnings, *plan.warnings]:
        print(f"warning: {warning}", file=sys.stderr)
    counts = {kind: len(plan.section(kind)) for kind in ("input", "filter", "output")}
    print("Configuration OK: " + ", ".join(f"{count} {kind}{'s' * (count != 1)}" for kind, count in counts.items()))
    return 0
