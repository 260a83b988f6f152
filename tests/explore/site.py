"""`apex-logs explore` in a process of its own, and its page in a browser."""

from __future__ import annotations

import os
import subprocess
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import BrowserContext, Locator, Page, expect

from tests.cli.program import APEX_LOGS, until

PATIENCE = 30_000
"""Milliseconds to wait for what the page shows."""
SHOTS = Path(__file__).parents[2] / "screenshots"
expect.set_options(timeout=PATIENCE)


@contextmanager
def served(folder: Path, *arguments: str, token: str | None = None) -> Iterator[str]:
    """The address of a page over the store in a folder; files of its own lie beside the store."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("PYTEST", "COV"))}
    environment["XDG_CONFIG_HOME"] = str(folder / "config")
    if token is not None:
        environment["APEX_LOGS_EXPLORE_TOKEN"] = token
    command = [APEX_LOGS, "explore", "--embedded", str(folder), "--port", "0", "--path.data", str(folder), *arguments]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment, cwd=folder)
    assert process.stdout is not None
    try:
        line = process.stdout.readline()
        assert line.startswith("the page is at "), line
        url = line.split()[4]
        until(lambda: _answers(url), lambda: url)
        yield url
    finally:
        process.terminate()
        process.wait(30)
        process.stdout.close()


def _answers(url: str) -> bool:
    try:
        urllib.request.urlopen(url, timeout=30).close()
    except urllib.error.HTTPError:
        return True
    except OSError:
        return False
    return True


class Opened:
    """The page, opened: what it asked for and complained of is gathered."""

    def __init__(self, browser: BrowserContext, url: str) -> None:
        self.page: Page = browser.new_page()
        self.url = url
        self.requests: list[str] = []
        self.complaints: list[str] = []
        self.page.on("request", lambda request: self.requests.append(request.url))
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.on("console", lambda message: message.type == "error" and self.complaints.append(message.text))

    def go(self, path: str = "") -> None:
        self.page.goto(self.url + path)

    def search(self, query: str) -> None:
        self.query.fill(query)
        self.page.get_by_role("button", name="Search").click()

    @property
    def query(self) -> Locator:
        return self.page.get_by_label("Query")

    @property
    def rows(self) -> Locator:
        return self.page.locator(".ag-center-cols-container .ag-row")

    def counts(self, text: str) -> None:
        expect(self.page.get_by_text(text, exact=True)).to_be_visible()

    def shot(self, name: str) -> None:
        SHOTS.mkdir(exist_ok=True)
        self.page.wait_for_timeout(500)  # what moves comes to rest
        self.page.screenshot(path=SHOTS / f"{name}.png")
