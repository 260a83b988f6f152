"""How long the page of `apex-logs explore` takes over an embedded store of a million documents.

    python -m bench.exploring --store DIR

The store is one that `python -m bench.searching --store DIR` filled. Times are of the wall clock in a real browser,
Debian's chromium: from pressing Search until the first row of the new result is on the screen, and until the histogram
is counted; the second of two runs.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from pathlib import Path

from playwright.sync_api import Page, expect

from tests.explore.site import Opened, served
from tests.servers import browser as chromium

QUERIES = ("*", "level:error", "status >= 500", "needle", "level:error and message:signage")
_LONG = 120_000


def main() -> None:
    """Measures the questions of the page, and prints a table."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0] if __doc__ else None)
    parser.add_argument("--store", type=Path, required=True, help="the folder of the store")
    arguments = parser.parse_args()
    with (
        tempfile.TemporaryDirectory() as profile,
        chromium.started(Path(profile)) as browser,
        served(arguments.store.resolve(), "--engine", "http://127.0.0.1:1") as url,
    ):
        opened = Opened(browser, url)
        began = time.perf_counter()
        opened.go()
        expect(opened.rows.first).to_be_visible(timeout=_LONG)
        print(f"{'the page itself, to its first row':40} {1000 * (time.perf_counter() - began):8.0f} ms")
        for query in QUERIES:
            _search(opened, query)
            first, counted = _search(opened, query)
            print(f"{query:40} {first:8.0f} ms to the first row, {counted:8.0f} ms to the histogram", flush=True)


def _search(opened: Opened, query: str) -> tuple[float, float]:
    page = opened.page
    opened.query.fill(query)
    page.evaluate(_EMPTIED)
    began = time.perf_counter()
    page.get_by_role("button", name="Search").click()
    page.wait_for_function("document.querySelector('.ag-row:not([data-old])') !== null", timeout=_LONG)
    first = time.perf_counter()
    _counted(page)
    return 1000 * (first - began), 1000 * (time.perf_counter() - began)


_EMPTIED = "document.querySelectorAll('.ag-row').forEach(row => row.dataset.old = '1')"


def _counted(page: Page) -> None:
    page.wait_for_function("/^[\\d,]+ documents$/m.test(document.body.innerText)", timeout=_LONG)


if __name__ == "__main__":
    main()
