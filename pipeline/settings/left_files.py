"""Files of Logstash's settings folder that are for the JVM: accepted, and said to do nothing here."""

from __future__ import annotations

from pathlib import Path

from pipeline.grammar.faults import Fault

_FILES = {
    "jvm.options": "there is no JVM; memory is bounded by in_flight.events and in_flight.bytes",
    "log4j2.properties": "the log goes to stderr; log.level and log.format say how",
    "startup.options": "it is for Logstash's own scripts; see docs/systemd.md",
}


def without_effect(folder: Path | None) -> list[Fault]:
    """One warning for each of them that lies in the folder."""
    if folder is None:
        return []
    there = [(folder / name, why) for name, why in _FILES.items() if (folder / name).exists()]
    return [Fault(f"{path} does nothing here: {why}") for path, why in there]
