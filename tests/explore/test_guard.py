"""Who may ask, and who may not."""

import asyncio

import pytest

from pipeline.explore.guard import COOKIE, Guard

HOST = "127.0.0.1:8600"
TOKEN = "a-token-of-the-test"


async def _app(scope, receive, send):
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b"page"})


def ask(guard, method="GET", path="/", kind="http", body=b"", **headers):
    sent = []

    async def receive():
        return {"type": "http.request", "body": body, "more_body": False}

    async def send(message):
        sent.append(message)

    named = [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()]
    scope = {"type": kind, "method": method, "path": path, "headers": named}
    asyncio.run(guard(scope, receive, send))
    return sent


def status(sent):
    return sent[0].get("status", sent[0].get("code"))


@pytest.fixture
def local():
    return Guard(_app, frozenset({HOST, "localhost:8600"}), None)


@pytest.fixture
def guarded():
    return Guard(_app, None, TOKEN)


ASKED = [
    ({"host": HOST}, 200),
    ({"host": "localhost:8600", "origin": "http://localhost:8600"}, 200),
    ({"host": "evil.example:8600"}, 403),  # a name of another site that points here
    ({}, 403),
    ({"host": HOST, "origin": "http://evil.example"}, 403),
    ({"host": HOST, "origin": "http://127.0.0.1:9000"}, 403),
    ({"host": HOST, "origin": "null"}, 403),
    ({"host": HOST, "method": "POST", "origin": f"http://{HOST}"}, 200),
    ({"host": HOST, "method": "POST", "origin": "http://evil.example"}, 403),
    ({"host": HOST, "method": "POST", "sec_fetch_site": "cross-site"}, 403),
    ({"host": HOST, "sec_fetch_site": "cross-site", "sec_fetch_dest": "document"}, 200),  # a link that is followed
    ({"host": HOST, "sec_fetch_site": "cross-site", "sec_fetch_dest": "image"}, 403),
    ({"host": HOST, "sec_fetch_site": "same-site", "sec_fetch_dest": "iframe"}, 403),
    ({"host": HOST, "method": "POST", "sec_fetch_site": "cross-site", "sec_fetch_dest": "document"}, 403),
    ({"host": HOST, "sec_fetch_site": "same-origin", "sec_fetch_dest": "script"}, 200),
    ({"host": HOST, "kind": "websocket", "origin": "http://evil.example"}, 1008),
    ({"host": HOST, "kind": "websocket", "sec_fetch_site": "cross-site"}, 1008),
]


@pytest.mark.parametrize(("asked", "expected"), ASKED)
def test_other_sites_are_refused(local, asked, expected):
    assert status(ask(local, **asked)) == expected


def test_every_answer_says_that_nothing_is_loaded_from_elsewhere(local):
    for sent in (ask(local, host=HOST), ask(local, host="evil")):
        policy = dict(sent[0]["headers"])[b"content-security-policy"]
        assert b"default-src 'self'" in policy
        assert b"frame-ancestors 'none'" in policy


def test_any_name_takes_a_token():
    with pytest.raises(ValueError, match="token"):
        Guard(_app, None, None)


def test_a_token_is_needed(guarded):
    host = "logs.example:8600"
    assert status(ask(guarded, host=host)) == 401
    assert status(ask(guarded, host=host, kind="websocket")) == 1008
    assert status(ask(guarded, host=host, authorization="Bearer wrong")) == 401
    assert status(ask(guarded, host=host, authorization=f"Bearer {TOKEN}")) == 200
    assert status(ask(guarded, host=host, cookie=f"{COOKIE}={TOKEN}")) == 401
    assert status(ask(guarded, host=host, path=f"/?token={TOKEN}")) == 401


def test_the_form_gives_a_cookie_that_holds_no_token(guarded):
    host = "logs.example:8600"
    assert status(ask(guarded, "POST", "/token", body=b"token=wrong", host=host)) == 401
    answer = ask(guarded, "POST", "/token", body=f"token={TOKEN}".encode(), host=host)
    headers = dict(answer[0]["headers"])
    assert (status(answer), headers[b"location"]) == (303, b"/")
    cookie = headers[b"set-cookie"].decode()
    assert "HttpOnly; SameSite=Lax" in cookie
    assert TOKEN not in cookie
    assert status(ask(guarded, host=host, cookie=cookie.partition(";")[0])) == 200
    crossed = ask(guarded, "POST", "/token", body=f"token={TOKEN}".encode(), host=host, origin="http://evil.example")
    assert status(crossed) == 403
