"""Finds plugins by file name: ("filter", "grok") is `pipeline/filters/grok.py`. Imports only what is asked for."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from pipeline.options import PluginOptions

Kind = Literal["input", "filter", "output", "codec"]
KINDS: tuple[Kind, ...] = ("input", "filter", "output", "codec")


@dataclass(frozen=True, slots=True)
class PluginModule:
    """A plugin as its file defines it."""

    kind: Kind
    name: str
    options: type[PluginOptions]
    build: Callable[..., Any]
    page: str
    """The docstring of the file: the plugin's reference page."""

    def built(self, options: PluginOptions, context: Any) -> Any:
        """Calls `build(options)`, or `build(options, context)` where the plugin needs its surroundings."""
        wanted = self.build.__code__.co_argcount
        return self.build(options) if wanted == 1 else self.build(options, context)


def names(kind: Kind) -> list[str]:
    """The names of all plugins of a kind, sorted."""
    folder = Path(__file__).parent / f"{kind}s"
    return sorted(path.stem for path in folder.glob("*.py") if path.stem != "__init__")


def find(kind: Kind, name: str) -> PluginModule | None:
    """The plugin of that kind and name; None if there is none."""
    if name not in names(kind):
        return None
    module = importlib.import_module(f"pipeline.{kind}s.{name}")
    return PluginModule(kind, name, module.Options, module.build, (module.__doc__ or "").strip())
