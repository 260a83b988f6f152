"""Who this node says it is: `agent.*` and `host.*`. The id of the agent is drawn once, and kept among the data."""

from __future__ import annotations

import contextlib
import json
import os
import platform
import socket
import uuid
from pathlib import Path
from typing import Any

from pipeline.errors import StoreError
from shippers.node.envelopes import Sender

VERSION = "8.11.0"
"""Of the Filebeat whose events these are like."""
_IDENTITY = "meta.json"
_MACHINE = Path("/etc/machine-id")


def sender(data: Path, name: str, kind: str, *, details: bool) -> Sender:
    """Reads the id, or draws it; raises `StoreError`. `details` asks for what add_host_metadata says of the system."""
    agent = {
        "type": kind,
        "version": VERSION,
        "ephemeral_id": str(uuid.uuid4()),
        "id": _identity(data),
        "name": name or socket.gethostname(),
    }
    host: dict[str, Any] = {"name": agent["name"]}
    return Sender(agent, {**host, **_system()} if details else host)


def _identity(data: Path) -> str:
    path = data / _IDENTITY
    try:
        if path.exists():
            found = json.loads(path.read_text(encoding="utf-8"))["uuid"]
            return str(uuid.UUID(found))
        fresh, drawn = path.with_suffix(".new"), str(uuid.uuid4())
        with fresh.open("w", encoding="utf-8") as file:
            file.write(json.dumps({"uuid": drawn}) + "\n")
            file.flush()
            os.fsync(file.fileno())
        fresh.replace(path)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise StoreError(
            f'{path} does not hold {{"uuid": "..."}}: put the id of the agent there (it is in the field agent.id of '
            f"what was sent), or delete the file to draw another: then what is sent again counts as new ({error})"
        ) from None
    except OSError as error:
        raise StoreError(f"{path} cannot be used: {error.strerror}") from None
    return drawn


def _system() -> dict[str, Any]:
    found: dict[str, Any] = {"hostname": socket.gethostname(), "architecture": platform.machine()}
    with contextlib.suppress(OSError):
        found["id"] = _MACHINE.read_text(encoding="utf-8").strip()
    system = {"type": platform.system().lower(), "kernel": platform.release()}
    with contextlib.suppress(OSError):
        release = platform.freedesktop_os_release()
        named = {"platform": "ID", "name": "NAME", "version": "VERSION_ID", "codename": "VERSION_CODENAME"}
        system |= {key: release[name] for key, name in named.items() if release.get(name)}
    return {**found, "os": system, "containerized": Path("/.dockerenv").exists()}
