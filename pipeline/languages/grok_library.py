"""The grok patterns that are built in, and those of the user's files.

A pattern file has a name, blanks, and a pattern in each line; empty lines and lines that begin with # are passed
over. The patterns that keep fields come in two sets: `legacy` under the field names of Logstash's early days, and
`ecs-v1` under those of the Elastic Common Schema; `both` holds what they share.
"""

from __future__ import annotations

import glob
import os
from collections.abc import Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from types import MappingProxyType

_FOLDER = Path(__file__).parent / "grok_patterns"


@lru_cache(maxsize=2)
def built_in(*, ecs: bool) -> Mapping[str, str]:
    """The patterns of one set, by name."""
    patterns: dict[str, str] = {}
    for folder in ("both", "ecs-v1" if ecs else "legacy"):
        for file in sorted((_FOLDER / folder).iterdir()):
            patterns |= read(file)
    return MappingProxyType(patterns)


def read(file: Path) -> dict[str, str]:
    """The patterns of a file; raises `ValueError` where it cannot be read, or is no text."""
    try:
        lines = file.read_text(encoding="utf-8").split("\n")
    except UnicodeDecodeError as error:
        raise ValueError(f"the pattern file {file} is not UTF-8: {error}") from error
    except OSError as error:
        raise ValueError(f"the pattern file {file} cannot be read: {error.strerror}") from error
    patterns: dict[str, str] = {}
    for line in lines:
        name, *pattern = line.rstrip("\r").lstrip().split(maxsplit=1)[:2] or [""]
        if pattern and not name.startswith("#"):
            patterns[name] = pattern[0]
    return patterns


def user_files(places: Sequence[str], names: str = "*") -> dict[str, str]:
    """The patterns of all files in the folders, whose names match, and of the files that the globs mean.

    What comes later replaces what came earlier under the same name.
    """
    patterns: dict[str, str] = {}
    for place in places:
        # Texts, as Logstash's globs are: a Path would drop dots and refuse absolute patterns.
        wanted = os.path.join(place, names) if Path(place).is_dir() else place  # noqa: PTH118  (as above)
        for file in sorted(glob.glob(wanted)):  # noqa: PTH207  (as above)
            if Path(file).is_file():
                patterns |= read(Path(file))
    return patterns


def library(*, ecs: bool, places: Sequence[str] = (), names: str = "*") -> Mapping[str, str]:
    """The built-in patterns of one set, and those of the user's files over them."""
    return {**built_in(ecs=ecs), **user_files(places, names)} if places else built_in(ecs=ecs)
