"""`apex-logs test`: runs case files, and prints what is not as expected."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

from pipeline.commands import case_files
from pipeline.commands.faults import print_faults
from pipeline.errors import ConfigurationError


def run_cases(paths: Sequence[Path]) -> int:
    """0 if every case came out as expected, 1 if not, 2 if a file or its configuration cannot be read."""
    files = [file for path in paths for file in (sorted(path.rglob("*.yml")) if path.is_dir() else [path])]
    if not files:
        print("apex-logs: there are no case files (*.yml) there", file=sys.stderr)
        return 2
    status = 0
    for path in files:
        try:
            found = list(case_files.differences(path))
            count = len(case_files.read(path).cases)
        except ConfigurationError as error:
            print_faults(error)
            status = 2
            continue
        except (OSError, ValueError) as error:
            print(f"apex-logs: {error}", file=sys.stderr)
            status = 2
            continue
        for difference in found:
            print(f"{path}: {difference.case}: {difference.what}")
        failed = len({difference.case for difference in found})
        print(f"{path}: {count - failed} of {count} cases as expected")
        status = max(status, int(failed > 0))
    return status
