"""The page in a real browser, while something happens: an empty store, what comes, the engine and its dead letters."""

import http.client
import socket
from datetime import UTC, datetime

from playwright.sync_api import expect

from tests.cli.program import Running
from tests.explore.documents import HOSTILE, NOON, fill, stamp, write
from tests.explore.site import served

FAILING = """
    input { http { port => %d } }
    filter { mutate { add_field => { "kept" => "yes" } } }
    output { elasticsearch { index => "%s" } }
"""


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as server:
        return server.getsockname()[1]


def test_no_store_and_an_empty_store_say_how_to_fill_one(open_page, tmp_path):
    with served(tmp_path, "--engine", "http://127.0.0.1:1") as url:
        opened = open_page(url)
        expect(opened.page.get_by_text("apex-logs run -f FILE.conf --embedded")).to_be_visible()
        opened.shot("empty")
        (tmp_path / "indices").mkdir()
        opened.page.get_by_role("button", name="Search").click()
        expect(opened.page.get_by_text("No documents in")).to_be_visible()
        opened.go("?tab=pipeline")
        expect(opened.page.get_by_text("no engine answers at http://127.0.0.1:1")).to_be_visible()
        expect(opened.page.get_by_text("0 dead letters in")).to_be_visible()
        assert opened.complaints == []


def test_what_comes_is_shown_while_it_is_live(open_page, tmp_path):
    fill(tmp_path, 20)
    with served(tmp_path) as url:
        opened = open_page(url, "?q=level:error or level:debug")
        expect(opened.rows.first).to_be_visible()
        opened.page.get_by_role("button", name="Live").click()
        expect(opened.page.get_by_role("button", name="Live")).to_have_attribute("aria-pressed", "true")
        write(
            tmp_path,
            {"@timestamp": stamp(datetime.now(UTC)), "level": "debug", "message": f"came just now {HOSTILE}"},
            {"@timestamp": stamp(datetime.now(UTC)), "level": "info", "message": "not asked for"},
        )
        expect(opened.rows.filter(has_text="came just now")).to_be_visible()
        expect(opened.rows.filter(has_text="not asked for")).to_have_count(0)
        opened.shot("live")
        opened.page.get_by_role("button", name="Live").click()
        write(tmp_path, {"@timestamp": stamp(NOON), "level": "debug", "message": "came later"})
        opened.page.wait_for_timeout(2500)
        expect(opened.rows.filter(has_text="came later")).to_have_count(0)
        assert opened.page.title() == "apex-logs"


def test_dead_letters_are_shown_and_retried(open_page, tmp_path):
    port, api = free_port(), free_port()
    (tmp_path / "failing.conf").write_text(FAILING % (port, "NOT-ALLOWED"))
    (tmp_path / "mended.conf").write_text(FAILING % (port, "apex-logs-mended"))
    data = ("--path.data", str(tmp_path), "--embedded", str(tmp_path))
    engine = ("-f", "failing.conf", "--api.http.port", str(api), *data)
    arguments = ("--engine", f"http://127.0.0.1:{api}", "-f", str(tmp_path / "mended.conf"))
    with Running(*engine, cwd=tmp_path) as running, served(tmp_path, *arguments) as url:
        running.says("the API listens at")
        for number in range(3):
            _post(port, f'{{"message": "number {number} {HOSTILE}", "@timestamp": "{stamp(NOON)}"}}'.encode())
        opened = open_page(url, "?tab=pipeline")
        expect(opened.page.get_by_text("3 dead letters in")).to_be_visible()
        expect(opened.page.get_by_text(f"The engine at http://127.0.0.1:{api} is ready")).to_be_visible()
        expect(opened.rows).to_have_count(3)
        opened.shot("dead-letters")
        opened.rows.first.click()
        opened.page.get_by_role("button", name="Retry chosen").click()
        expect(opened.page.get_by_text("1 of 1 dead letters are retried and removed: 1 delivered")).to_be_visible()
        expect(opened.rows).to_have_count(2)
        opened.page.get_by_role("button", name="Retry all").click()
        expect(opened.page.get_by_text("2 of 2 dead letters are retried and removed: 2 delivered")).to_be_visible()
        expect(opened.page.get_by_text("0 dead letters in")).to_be_visible()
        opened.shot("retried")
        opened.go("?q=kept:yes")
        opened.counts("3 documents")
        assert opened.page.title() == "apex-logs"
        assert opened.complaints == []


def _post(port, body):
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    try:
        connection.request("POST", "/", body, {"content-type": "application/json"})
        assert connection.getresponse().status == 200
    finally:
        connection.close()


def test_a_token_is_asked_for(open_page, tmp_path):
    fill(tmp_path, 20)
    with served(tmp_path, token="a-token-of-the-test") as url:
        opened = open_page(url)
        opened.page.get_by_label("Token").fill("wrong")
        opened.page.get_by_role("button").click()
        expect(opened.page.get_by_label("Token")).to_be_visible()
        opened.page.get_by_label("Token").fill("a-token-of-the-test")
        opened.page.get_by_role("button").click()
        opened.counts("20 documents")
