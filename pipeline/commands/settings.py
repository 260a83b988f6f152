"""The settings, for the commands that need no configuration beside them."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pipeline.commands.faults import print_faults
from pipeline.errors import ConfigurationError
from pipeline.settings.logstash_yml import Settings
from pipeline.settings.pipelines_yml import read_pipeline


def settings_or_faults(folder: Path | None, flags: Mapping[str, Any]) -> Settings | None:
    """The settings of the pipeline that the flags name; None, and every fault printed, where they cannot be read."""
    try:
        return read_pipeline(folder, os.environ, flags).settings
    except ConfigurationError as error:
        print_faults(error)
        return None
