"""Debian's chromium, driven by Playwright, with an empty profile of its own."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import BrowserContext, sync_playwright

from tests.servers import debian

_FLAGS = (
    *("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
)
_SIZE = {"width": 1440, "height": 900}


@contextmanager
def started(profile: Path) -> Iterator[BrowserContext]:
    """A browser; `NotHere` says why there is none."""
    found = debian.program("chromium", package="chromium")
    # What Debian starts is a script, which reads /etc; beside it, where nothing is installed, is the browser itself.
    behind = Path(found.path).parent.parent / "lib" / "chromium" / "chromium"
    libraries = found.environment.get("LD_LIBRARY_PATH", "")
    private = os.pathsep.join(map(str, behind.parent.parent.glob("*-linux-gnu/pulseaudio")))
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch_persistent_context(
            profile,
            executable_path=str(behind if behind.is_file() else found.path),
            args=list(_FLAGS),
            env={**found.environment, "LD_LIBRARY_PATH": os.pathsep.join([libraries, private])},
            viewport=_SIZE,
        )
        try:
            yield browser
        finally:
            browser.close()
