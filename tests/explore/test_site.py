"""The served site, without a browser: what is guarded and what is downloaded."""

import http.client
from urllib.parse import urlsplit

import pytest

from tests.explore.documents import fill
from tests.explore.site import served


@pytest.fixture(scope="module")
def address(tmp_path_factory):
    folder = tmp_path_factory.mktemp("site")
    fill(folder, 30)
    with served(folder) as url:
        yield urlsplit(url).netloc


def ask(address, method, path, **headers):
    connection = http.client.HTTPConnection(address, timeout=30)
    try:
        connection.request(method, path, headers=headers)
        answer = connection.getresponse()
        return answer.status, answer.read().decode(), dict(answer.getheaders())
    finally:
        connection.close()


ASKED = [
    ("GET", "/", {}, 200),
    ("GET", "/", {"Host": "evil.example"}, 403),
    ("GET", "/download/ndjson", {"Origin": "http://evil.example"}, 403),
    ("GET", "/_nicegui_ws/socket.io/?EIO=4&transport=polling", {"Origin": "http://evil.example"}, 403),
    ("POST", "/_nicegui_ws/socket.io/?EIO=4&transport=polling", {"Origin": "http://evil.example"}, 403),
    ("GET", "/download/xml", {}, 404),
    ("GET", "/download/csv?q=a:b%20c:d", {}, 400),
    ("GET", "/download/csv?from=yesterday", {}, 400),
]


@pytest.mark.parametrize(("method", "path", "headers", "expected"), ASKED)
def test_who_gets_what(address, method, path, headers, expected):
    assert ask(address, method, path, **headers)[0] == expected


def test_a_websocket_from_another_site_is_not_opened(address):
    asked = {
        "Connection": "Upgrade",
        "Upgrade": "websocket",
        "Sec-WebSocket-Version": "13",
        "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
    }
    path = "/_nicegui_ws/socket.io/?EIO=4&transport=websocket"
    assert ask(address, "GET", path, **asked, Origin="http://evil.example")[0] == 403


def test_a_download_is_a_file(address):
    status, text, headers = ask(address, "GET", "/download/csv?q=status%20%3E%3D%20200&columns=status")
    assert (status, text.splitlines()[0], len(text.splitlines())) == (200, "@timestamp,status", 31)
    assert headers["content-disposition"] == 'attachment; filename="apex-logs.csv"'
    assert "default-src 'self'" in headers["content-security-policy"]
