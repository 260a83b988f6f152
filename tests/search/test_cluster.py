"""Elasticsearch with TLS and passwords, and one that is away or busy."""

import asyncio

import pytest

from pipeline.errors import NotAuthorised, Unavailable
from pipeline.search import cluster
from pipeline.search.questions import Question, SearchFailed
from tests.cli.running import run
from tests.servers.elasticsearch_node import PASSWORD


def asked(url, **options):
    """How many documents there are."""

    async def ask():
        async with cluster.opened(url, **options) as elastic:
            return await elastic.count(Question(indices="none-*"))

    return asyncio.run(ask())


def test_tls_and_passwords(secure_elasticsearch):
    trusted = secure_elasticsearch.url.replace("https://", f"https://tester:{PASSWORD}@")
    assert asked(trusted, authority=secure_elasticsearch.ca) == 0
    with pytest.raises(NotAuthorised, match=r"refuses \(401\)"):
        asked(trusted.replace(PASSWORD, "wrong"), authority=secure_elasticsearch.ca)
    with pytest.raises(Unavailable, match="certificate"):
        asked(trusted)


def test_on_the_command_line(secure_elasticsearch, monkeypatch):
    monkeypatch.delenv("ELASTICSEARCH_API_KEY", raising=False)
    url, authority = secure_elasticsearch.url, secure_elasticsearch.ca
    trusted = url.replace("https://", f"https://tester:{PASSWORD}@")
    found = run("stats", "--elasticsearch", trusted, "--cacert", authority, "--index", "none-*")
    assert (found.exit_code, found.stdout.splitlines()[1].split()) == (0, ["all", "0"])
    refused = run("search", "--elasticsearch", url, "--cacert", authority)
    assert (refused.exit_code, refused.stdout) == (1, "")
    assert "the role needs read and view_index_metadata" in refused.stderr
    monkeypatch.setenv("ELASTICSEARCH_API_KEY", "no:key")
    assert "refuses (401)" in run("search", "--elasticsearch", url, "--cacert", authority).stderr


@pytest.mark.parametrize(
    ("status", "body", "kind", "words"),
    [
        (403, b'{"error":{"type":"security_exception","reason":"no"}}', NotAuthorised, "security_exception: no"),
        (503, b"<html>later</html>", Unavailable, "is busy (503): <html>later</html>"),
        (429, b"", Unavailable, "is busy (429): no reason was given"),
        (400, b'{"error":{"root_cause":[{"type":"t","reason":"r"}]}}', SearchFailed, "cannot answer (400): t: r"),
        (500, b'{"error":"text"}', SearchFailed, 'cannot answer (500): {"error":"text"}'),
    ],
)
def test_what_an_error_means(status, body, kind, words):
    with pytest.raises(kind) as caught:
        cluster.read(status, body)
    assert words in str(caught.value)
