"""What the commands that read a configuration are given, and how they read it."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pipeline.config.plan import Plan, make_plan
from pipeline.errors import ConfigurationError
from pipeline.grammar.faults import Fault
from pipeline.grammar.loader import completed, from_text, load
from pipeline.grammar.sources import Source
from pipeline.pipelines.chosen import Chosen, together
from pipeline.settings.left_files import without_effect
from pipeline.settings.logstash_yml import ReadSettings, Settings, gathered, read_settings
from pipeline.settings.pipelines_yml import FILE, read_pipeline, read_pipelines

_NOTHING = "nothing to run: give a configuration with -f FILE.conf or -e STRING, or pipelines.yml in --path.settings"


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
        """The settings and the plan of one pipeline; raises `ConfigurationError` with every fault.

        Where `pipelines.yml` names it by its `pipeline.id`, its settings count; `-f` stands in place of its text.
        """
        read = read_pipeline(self.settings, os.environ, self._flags())
        return read, self._plan(read.settings)

    def read_all(self) -> list[Chosen]:
        """Every pipeline: the one of `-f` or `-e`, else those of `pipelines.yml`.

        Raises `ConfigurationError` with the faults of settings, and where there is only one pipeline, with its own.
        """
        if (folder := self._folder_of_several()) is None:
            read = read_settings(self.settings, os.environ, self._flags())
            plan = self._plan(read.settings, complete=True)
            if self.settings is not None and (self.settings / FILE).exists():
                text = f"{self.settings / FILE} is not read: -f, -e, path.config or config.string say what to run"
                read.warnings.append(Fault(text))
            every = together([Chosen(read, plan)], whole=False)
        else:
            several = read_pipelines(folder, os.environ, self._flags())
            every = together([self._chosen(read) for read in several], whole=True)
        if len(every) == 1 and every[0].faults:
            raise every[0].error
        every[0].read.warnings.extend(without_effect(self.settings))
        return every

    def texts(self) -> list[str]:
        """What the configuration is made of now; empty while it cannot be read."""
        try:
            if (folder := self._folder_of_several()) is None:
                settings = [read_settings(self.settings, os.environ, self._flags()).settings]
                texts = []
            else:
                settings = [read.settings for read in read_pipelines(folder, os.environ, self._flags())]
                texts = [(folder / FILE).read_text(encoding="utf-8")]
            return texts + [source.text for each in settings for source in self.sources(each)]
        except (ConfigurationError, OSError):  # a file is just being replaced, or gone: the reload says so
            return []

    def _folder_of_several(self) -> Path | None:
        """The folder with the `pipelines.yml` that says what to run; None if something else does."""
        if self.settings is None or self.config or self.text is not None or not (self.settings / FILE).exists():
            return None
        given = gathered(self.settings, os.environ, self._flags()).values
        return None if "path.config" in given or "config.string" in given else self.settings

    def _chosen(self, read: ReadSettings) -> Chosen:
        try:
            return Chosen(read, self._plan(read.settings, complete=True))
        except ConfigurationError as error:
            return Chosen(read, None, error.faults)

    def _flags(self) -> dict[str, Any]:
        flags = dict(self.flags)
        if self.embedded is not None and flags.get("path.data") is None:
            flags["path.data"] = self.embedded
        return flags

    def _plan(self, settings: Settings, *, complete: bool = False) -> Plan:
        instead = {"elasticsearch": ("sqlite", {"path": str(self.embedded)})} if self.embedded is not None else {}
        return make_plan(
            completed(self.sources(settings)) if complete and self._is_text(settings) else self.sources(settings),
            ecs_compatibility=settings.pipeline_ecs_compatibility,
            support_escapes=settings.config_support_escapes,
            environment=os.environ,
            instead=instead,
            inputs_host=settings.pipeline_inputs_host,
        )

    def _is_text(self, settings: Settings) -> bool:
        return not (self.config or settings.path_config)

    def sources(self, settings: Settings) -> list[Source]:
        """The texts of the configuration; raises `ConfigurationError` for files that cannot be read."""
        config = list(self.config) or ([settings.path_config] if settings.path_config else [])
        text, name = self.text, "-e"
        if text is None and not self.config:
            text, name = settings.config_string, f"config.string of {settings.pipeline_id}"
        if not config and text is None:
            raise ConfigurationError([Fault(_NOTHING)])
        sources, faults = [], []
        for path in config:
            found, missing = load(path)
            sources += found
            faults += missing
        if text is not None:
            sources += from_text(text, name)
        if faults:
            raise ConfigurationError(list(faults))
        return sources
