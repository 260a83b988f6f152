"""What the commands that read a configuration are given, and how they read it."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pipeline.config.faults import Fault
from pipeline.config.loader import from_text, load
from pipeline.config.logstash_yml import ReadSettings, Settings, read_settings
from pipeline.config.plan import Plan, make_plan
from pipeline.config.sources import Source
from pipeline.errors import ConfigurationError


@dataclass(frozen=True, slots=True)
class Arguments:
    """What the commands that read a configuration are given."""

    config: Sequence[str]
    text: str | None
    settings: Path | None
    embedded: Path | None
    flags: Mapping[str, Any] = field(default_factory=dict)
    test: bool = False

    def read(self) -> tuple[ReadSettings, Plan]:
        """The settings and the plan; raises `ConfigurationError` with every fault."""
        flags = dict(self.flags)
        if self.embedded is not None and flags.get("path.data") is None:
            flags["path.data"] = self.embedded
        read = read_settings(self.settings, os.environ, flags)
        settings = read.settings
        sources = self.sources(settings)
        instead = {"elasticsearch": ("sqlite", {"path": str(self.embedded)})} if self.embedded is not None else {}
        plan = make_plan(
            sources,
            ecs_compatibility=settings.pipeline_ecs_compatibility,
            support_escapes=settings.config_support_escapes,
            environment=os.environ,
            instead=instead,
            inputs_host=settings.pipeline_inputs_host,
        )
        return read, plan

    def sources(self, settings: Settings) -> list[Source]:
        """The texts of the configuration; raises `ConfigurationError` for files that cannot be read."""
        config = list(self.config) or ([settings.path_config] if settings.path_config else [])
        text = self.text if self.text is not None else settings.config_string
        if not config and text is None:
            raise ConfigurationError([Fault("nothing to run: give a configuration with -f FILE.conf or -e STRING")])
        sources, faults = [], []
        for path in config:
            found, missing = load(path)
            sources += found
            faults += missing
        if text is not None:
            sources += from_text(text)
        if faults:
            raise ConfigurationError(list(faults))
        return sources
