"""`apex-logs ship`: the node's shipper, with this program's log and exit codes."""

from __future__ import annotations

import logging
from pathlib import Path

from pipeline.commands.faults import print_faults
from pipeline.commands.logs import configure
from pipeline.errors import ApexLogsError, ConfigurationError
from shippers.node.settings import read
from shippers.node.ship import ship

log = logging.getLogger("apex.ship")


def ship_files(configuration: Path, *, once: bool, test: bool) -> int:
    """Returns the exit code: 2 for a faulty configuration, 1 if something failed while running."""
    try:
        settings = read(configuration)
    except ConfigurationError as error:
        print_faults(error)
        return 2
    if test:
        print("Configuration OK")
        return 0
    configure(settings.log_level, settings.log_format)
    try:
        return ship(settings, once=once)
    except OSError as error:
        log.error("%s: %s; see `data`", error.filename or settings.data, error.strerror or error)
        return 1
    except ApexLogsError as error:
        log.error("%s", error)
        return 1
