from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import BrowserContext

from tests.explore.documents import fill
from tests.explore.site import Opened, served
from tests.servers import browser as chromium
from tests.servers.skipping import or_skip


@pytest.fixture(scope="module")
def browser(tmp_path_factory) -> Iterator[BrowserContext]:
    """A real browser; Playwright's loop runs in this thread as long as it is there, so it ends with its module."""
    with or_skip("chromium"), chromium.started(tmp_path_factory.mktemp("profile")) as started:
        yield started


@pytest.fixture(scope="module")
def full(tmp_path_factory) -> Iterator[str]:
    """The address of a page over 600 documents that nobody changes."""
    folder = tmp_path_factory.mktemp("full")
    fill(folder)
    with served(folder, "--engine", "http://127.0.0.1:1") as url:
        yield url


@pytest.fixture
def open_page(browser) -> Iterator[Callable[[str], Opened]]:
    """Opens pages, which end with the test."""
    opened: list[Opened] = []

    def open_(url: str, path: str = "") -> Opened:
        opened.append(Opened(browser, url))
        opened[-1].go(path)
        return opened[-1]

    yield open_
    for each in opened:
        each.page.close()
