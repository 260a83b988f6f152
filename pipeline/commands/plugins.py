"""`apex-logs plugins`: the list of plugins, and the reference page of one, from its own file."""

from __future__ import annotations

import sys

from pipeline import registry
from pipeline.reference.pages import page


def show(name: str | None) -> int:
    """Prints the list, or the page of a plugin given as `name` or `kind/name`."""
    if name is None:
        for kind in registry.KINDS:
            print(f"{kind}s: {', '.join(registry.names(kind))}")
        return 0
    wanted_kind, _, bare = name.rpartition("/")
    found = [kind for kind in registry.KINDS if bare in registry.names(kind) and wanted_kind in ("", kind)]
    if not found:
        print(f'apex-logs: there is no plugin "{name}"; `apex-logs plugins` lists them', file=sys.stderr)
        return 2
    pages = []
    for kind in found:
        module = registry.find(kind, bare)
        if module is not None:
            pages.append(page(module))
    print("\n\n".join(pages))
    return 0
