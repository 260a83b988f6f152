"""What the command line asks of a replay, as far as decoding and delivery need it; as JSON, workers are told."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from pipeline.field_reference import FieldReference
from pipeline.replay.times import USUAL


@dataclass(frozen=True, slots=True)
class Wishes:
    """The same in every process of a replay."""

    fields: Mapping[str, str] = field(default_factory=dict)
    """What is set in each raw line: `[a][b]` at that place, a bare or dotted name under `[fields]`, as in Filebeat."""
    time_fields: tuple[str, ...] = USUAL
    mtime: bool = False
    """A line without any time takes that of its file."""
    refilter: bool = False
    """Exported documents go through the filters."""
    since: str | None = None
    """Canonical: events before it are left out."""
    until: str | None = None
    """Canonical: it and all after it are left out."""
    host: str = ""
    """The name that raw lines say they come from."""

    def as_json(self) -> dict[str, Any]:
        """JSON values."""
        return asdict(self)

    @classmethod
    def of_json(cls, given: Mapping[str, Any]) -> Wishes:
        """What `as_json` made."""
        return cls(**{**given, "time_fields": tuple(given["time_fields"])})


def place_of(name: str) -> FieldReference:
    """Where `--field name=value` sets its value; raises `FieldReferenceError`."""
    if name.startswith("["):
        return FieldReference(name)
    return FieldReference("[fields]" + "".join(f"[{part}]" for part in name.split(".")))
