"""Saved queries: a JSON file with a name and the address of a view for each."""

from __future__ import annotations

import json
import os
from pathlib import Path

from pipeline.errors import ApexLogsError

LONGEST = 200
"""Characters of a name."""


class Unsaved(ApexLogsError):
    """The file of saved queries cannot be read or written; says why."""


class SavedQueries:
    """The saved queries of a file. It is read anew each time, as several pages may change it."""

    def __init__(self, file: Path) -> None:
        self.file = file

    def all(self) -> dict[str, str]:
        """Addresses of views by name, in the order of names; raises `Unsaved`."""
        try:
            found = json.loads(self.file.read_text())
        except FileNotFoundError:
            return {}
        except (OSError, ValueError) as error:
            raise Unsaved(f"cannot read the saved queries in {self.file}: {error}; mend it or move it away") from None
        if not isinstance(found, dict):
            raise Unsaved(f"{self.file} holds no saved queries; move it away")
        kept = {str(name): url for name, url in found.items() if isinstance(url, str) and url.startswith("/")}
        return dict(sorted(kept.items()))

    def save(self, name: str, url: str) -> None:
        """Adds one, in place of one of that name; raises `Unsaved`."""
        name = name.strip()[:LONGEST]
        if not name:
            raise Unsaved("a saved query needs a name")
        self._write({**self.all(), name: url})

    def forget(self, name: str) -> None:
        """Removes one; raises `Unsaved`."""
        self._write({each: url for each, url in self.all().items() if each != name})

    def _write(self, queries: dict[str, str]) -> None:
        fresh = self.file.with_name(f".{self.file.name}.{os.getpid()}")
        try:
            self.file.parent.mkdir(parents=True, exist_ok=True)
            fresh.write_text(json.dumps(queries, indent=2, ensure_ascii=False) + "\n")
            fresh.replace(self.file)
        except OSError as error:
            raise Unsaved(f"cannot write {self.file}: {error.strerror}; choose another file with --saved") from None
