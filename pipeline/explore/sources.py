"""What the page is about: what its panels may ask."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from pipeline.explore.engine import Engine
from pipeline.explore.saved import SavedQueries
from pipeline.search.questions import Documents


@dataclass(frozen=True, slots=True)
class Sources:
    """Everything that is looked into."""

    documents: Documents
    where: str
    """The store or server, for people."""
    saved: SavedQueries
    engine: Engine
    dead_letters: Path
    retry: list[str]
    """Arguments of `apex-logs dlq retry`: which data, which configuration."""
    traces: str
    """Where a trace is shown; `{}` is its id."""
