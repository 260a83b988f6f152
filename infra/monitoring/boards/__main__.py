"""`python -m infra.monitoring.boards FOLDER`: writes each dashboard into its file, as Grafana reads it."""

from __future__ import annotations

import sys
from pathlib import Path

from grafana_foundation_sdk.builders.dashboard import Dashboard
from grafana_foundation_sdk.cog.encoder import JSONEncoder

from infra.monitoring.boards import business, pipeline, system

BOARDS = {
    "business-metrics.json": business.build,
    "system-health.json": system.build,
    "pipeline.json": pipeline.build,
}


def main() -> None:
    """Writes the dashboards into the folder that is named."""
    folder = Path(sys.argv[1])
    for name, build in BOARDS.items():
        (folder / name).write_text(rendered(build()))


def rendered(board: Dashboard) -> str:
    """A dashboard as JSON, the same for the same code."""
    return JSONEncoder(sort_keys=True, indent=2).encode(board.build()) + "\n"


if __name__ == "__main__":
    main()
