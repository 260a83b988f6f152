"""What is set up before the first document, told by the requests it takes."""

import asyncio
import json

import pytest

from pipeline.elasticsearch.client import Answer
from pipeline.elasticsearch.options import ElasticsearchOptions
from pipeline.elasticsearch.setup import set_up
from pipeline.errors import ConfigurationError, NotAuthorised, Unavailable


def version(number, **more):
    return Answer(200, json.dumps({"version": {"number": number, **more}}).encode())


OK, NOT_FOUND = Answer(200, b"{}"), Answer(404, b"{}")


def error(status, kind="some_exception"):
    return Answer(status, json.dumps({"error": {"type": kind, "reason": "why"}}).encode())


NO_HANDLER = Answer(400, b'{"error":"no handler found for uri [/_ilm/policy/logstash-policy] and method [GET]"}')


def made(options, **answers):
    """The requests for these options; answers by METHOD or METHOD_first-part-of-the-path, else OK."""
    asked, bodies = [], []

    async def request(method, path, body):
        asked.append(f"{method} {path}")
        bodies.append(None if body is None else json.loads(body))
        part = path.split("/")[1].partition("-")[0].partition("%")[0]
        return answers.get(f"{method}_{part}", answers.get(method, OK))

    warnings = []
    asyncio.run(set_up(ElasticsearchOptions(**options), request, warnings.append))
    return asked, bodies, warnings


INDEX = {"index": "i"}
PLAIN = {"index": "i", "ecs_compatibility": "disabled"}


@pytest.mark.parametrize(
    ("options", "answers", "requests"),
    [
        ({}, {"GET_": version("8.19.0")}, ["GET /"]),
        ({}, {"GET_": version("2.11.0", distribution="opensearch")}, ["GET /"]),
        (INDEX | {"manage_template": False}, {"GET_": version("7.17.0")}, ["GET /"]),
        (INDEX, {"GET_": version("8.19.0")}, ["GET /", "HEAD /_index_template/ecs-logstash"]),
        (PLAIN, {"GET_": version("7.17.0")}, ["GET /", "HEAD /_template/logstash"]),
        (PLAIN, {"GET_": version("2.11.0", distribution="opensearch")}, ["GET /", "HEAD /_index_template/logstash"]),
        (PLAIN, {"GET_": error(403)}, ["GET /", "HEAD /_index_template/logstash"]),
        (
            PLAIN | {"template_api": "composable", "template_name": "a/b"},
            {"GET_": version("7.17.0"), "HEAD": NOT_FOUND},
            ["GET /", "HEAD /_index_template/a%2Fb", "PUT /_index_template/a%2Fb"],
        ),
        (PLAIN | {"template_overwrite": True}, {"GET_": version("9.0.0")}, ["GET /", "PUT /_index_template/logstash"]),
        (
            {"ecs_compatibility": "disabled"},
            {"GET_": version("8.19.0")},
            ["GET /", "GET /_ilm/policy/logstash-policy", "HEAD /_index_template/logstash", "HEAD /logstash"],
        ),
        (
            {"ilm_rollover_alias": "a", "ilm_policy": "p", "ilm_pattern": "1"},
            {"GET_": version("8.19.0"), "HEAD": NOT_FOUND},
            [
                "GET /",
                "GET /_ilm/policy/p",
                "HEAD /_index_template/a",
                "PUT /_index_template/a",
                "HEAD /a",
                "PUT /%3Ca-1%3E",
            ],
        ),
        (
            {"ecs_compatibility": "disabled"},
            {"GET_": version("8.19.0"), "GET__ilm": NOT_FOUND},
            [
                "GET /",
                "GET /_ilm/policy/logstash-policy",
                "PUT /_ilm/policy/logstash-policy",
                "HEAD /_index_template/logstash",
                "HEAD /logstash",
            ],
        ),
    ],
)
def test_only_what_is_missing_is_made(options, answers, requests):
    asked, _, warnings = made(options, **answers)
    assert (asked, warnings) == (requests, [])


def test_templates_of_both_kinds():
    options = PLAIN | {"template_overwrite": True}
    _, (_, composable), _ = made(options, GET_=version("8.0.0"))
    _, (_, legacy), _ = made(options, GET_=version("7.17.0"))
    assert composable["index_patterns"] == legacy["index_patterns"] == ["logstash-*"]
    assert composable["template"] == {"settings": legacy["settings"], "mappings": legacy["mappings"]}
    assert legacy["mappings"]["properties"]["geoip"]["properties"]["location"] == {"type": "geo_point"}


@pytest.mark.parametrize("number", ["7.17.0", "8.0.0"])
def test_a_template_for_an_alias(number):
    options = {"ilm_rollover_alias": "a", "template_overwrite": True}
    _, bodies, _ = made(options, GET_=version(number), HEAD_a=NOT_FOUND)
    template = bodies[2]
    settings = template["template"]["settings"] if number == "8.0.0" else template["settings"]
    assert template["index_patterns"] == ["a-*"]
    assert settings["index.lifecycle.rollover_alias"] == "a"
    assert settings["index.lifecycle.name"] == "logstash-policy"
    assert bodies[-1] == {"aliases": {"a": {"is_write_index": True}}}


def test_an_index_behind_the_alias_that_another_process_made():
    exists = error(400, "resource_already_exists_exception")
    asked, _, _ = made({"ilm_rollover_alias": "a"}, GET_=version("8.0.0"), HEAD_a=NOT_FOUND, PUT=exists)
    assert asked[-1] == "PUT /%3Ca-%7Bnow%2Fd%7D-000001%3E"


def test_a_server_without_lifecycle_management():
    options = {"ecs_compatibility": "disabled", "template_overwrite": True}
    _, bodies, warnings = made(options, GET_=version("8.0.0"), GET__ilm=NO_HANDLER)
    assert "index.lifecycle.name" not in bodies[2]["template"]["settings"]
    (warning,) = warnings
    assert "the index behind logstash never rolls over" in warning
    assert warning.endswith("set ilm_enabled => false to write one index a day")


@pytest.mark.parametrize(
    ("options", "answers", "raised", "reason"),
    [
        ({}, {"GET_": version("7.8.1")}, ConfigurationError, "Elasticsearch 7.8 has no data streams"),
        ({}, {"GET_": error(401)}, NotAuthorised, "the server's version: HTTP 401: some_exception: why"),
        ({}, {"GET_": Answer(503, b"")}, Unavailable, "the server's version: HTTP 503: no reason given"),
        ({}, {"GET_": Answer(200, b"<html>")}, Unavailable, "this is no Elasticsearch: <html>"),
        ({}, {"GET_": Answer(200, b'{"version":{"number":"x"}}')}, Unavailable, "this is no Elasticsearch"),
        (
            INDEX | {"template_overwrite": True},
            {"GET_": version("8.0.0"), "PUT": error(400)},
            ConfigurationError,
            "the template ecs-logstash: HTTP 400: some_exception: why",
        ),
        (
            INDEX,
            {"GET_": version("8.0.0"), "HEAD": Answer(429, b"")},
            Unavailable,
            "the template ecs-logstash: HTTP 429",
        ),
        (
            {"ilm_rollover_alias": "a", "ilm_policy": "p"},
            {"GET_": version("8.0.0"), "GET__ilm": error(404)},
            ConfigurationError,
            "there is no lifecycle policy p",
        ),
        (
            {"ilm_rollover_alias": "a", "ilm_enabled": True},
            {"GET_": version("8.0.0"), "GET__ilm": NO_HANDLER},
            ConfigurationError,
            "this server has no lifecycle management",
        ),
        (
            {"ilm_rollover_alias": "a"},
            {"GET_": version("8.0.0"), "HEAD_a": error(503)},
            Unavailable,
            "the alias a: HTTP 503",
        ),
    ],
)
def test_what_stops_it(options, answers, raised, reason):
    with pytest.raises(raised, match=reason):
        made(options, **answers)


@pytest.mark.parametrize(("text", "reason"), [("{", "cannot be read"), ("[]", "is no JSON object")])
def test_a_template_that_is_none(tmp_path, text, reason):
    path = tmp_path / "t.json"
    path.write_text(text)
    with pytest.raises(ConfigurationError, match=reason):
        made({"index": "i", "template": str(path), "template_overwrite": True}, GET_=version("8.0.0"))


@pytest.mark.parametrize("answers", [{"HEAD": error(403)}, {"HEAD": NOT_FOUND, "PUT": error(403)}])
def test_a_template_that_the_credentials_may_not_manage_stops_no_delivery(answers):
    _, _, warnings = made(PLAIN, GET_=version("8.0.0"), **answers)
    (warning,) = warnings
    assert "cannot be managed with these credentials; going on without it" in warning
    with pytest.raises(NotAuthorised):
        made(PLAIN, GET_=version("8.0.0"), HEAD=error(401))
