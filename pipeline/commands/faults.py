"""The faults of a configuration, as the commands print them."""

from __future__ import annotations

import sys

from pipeline.errors import ConfigurationError


def print_faults(error: ConfigurationError) -> None:
    """Every fault to stderr, and how many there are."""
    for fault in error.faults:
        print(fault, file=sys.stderr)
    count = len(error.faults)
    print(f"{count} fault{'s' * (count != 1)} in the configuration", file=sys.stderr)
