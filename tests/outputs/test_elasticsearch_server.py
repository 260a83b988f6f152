"""The elasticsearch output against real servers."""

import asyncio
import gc
import json
import logging
import urllib.request
from contextlib import asynccontextmanager
from itertools import count

import pytest

from pipeline.errors import BodyTooLarge, ConfigurationError, NotAuthorised, SendFailure, Unavailable
from pipeline.event import Event
from pipeline.outputs.elasticsearch import Options, build
from pipeline.plugin import Body, Sent
from tests.harness import context
from tests.servers import elasticsearch_node
from tests.servers.elasticsearch_node import PASSWORD, free_port
from tests.servers.packages import NotHere

STAMP = "2026-11-25T10:00:00.000Z"
_prefixes = count()


@pytest.fixture
def prefix(request):
    """A name for the indices of one test."""
    return f"{request.node.originalname.replace('_', '-')}-{next(_prefixes)}"


def call(url, method="GET", body=None):
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(url, data, {"content-type": "application/json"}, method=method)
    with urllib.request.urlopen(request) as answer:
        return json.loads(answer.read() or b"null")


def documents(url, index):
    call(f"{url}/{index}/_refresh", "POST")
    hits = call(f"{url}/{index}/_search?size=1000&sort=_doc&seq_no_primary_term=true")["hits"]["hits"]
    return {hit["_id"]: hit["_source"] for hit in hits}


def event(number, **fields):
    return Event({"@timestamp": STAMP, "n": number, **fields}, {"event_id": f"e{number}"})


def bodied(output, events):
    body = Body()
    for one in events:
        output.render(one, body.data)
        body.ends.append(len(body.data))
    return body


@asynccontextmanager
async def opened(url, warnings=None, **options):
    options.setdefault("hosts", [url])
    if "index" in options and not any(name.startswith("template") for name in options):
        options.setdefault("manage_template", False)
    output = build(Options(**options), context(warnings=warnings))
    try:
        await output.start()
        yield output
    finally:
        await output.close()


def sent(url, events, **options):
    """What becomes of the events, in one body; without events, the output is only started."""

    async def run():
        async with opened(url, **options) as output:
            return await output.send(bodied(output, events)) if events else None

    return asyncio.run(run())


def forget_default_templates(url):
    """Other tests' engines may have installed them under their own names."""
    composable = [entry["name"] for entry in call(f"{url}/_index_template")["index_templates"]]
    for kind, names in (("_index_template", composable), ("_template", call(f"{url}/_template"))):
        for name in {"logstash", "ecs-logstash"}.intersection(names):
            call(f"{url}/{kind}/{name}", "DELETE")


def simple(sent_items):
    return [index for index, _ in sent_items.again], [index for index, _ in sent_items.dead], sent_items.duplicates


def test_a_repeat_is_a_duplicate(elasticsearch, prefix):
    options = {"index": f"{prefix}-%{{+YYYY.MM.dd}}"}
    events = [event(1, text="ü"), event(2, big=2**63 - 1), event(3, nan=float("nan"))]
    assert sent(elasticsearch.url, events, **options) == Sent()
    assert simple(sent(elasticsearch.url, [*events, event(4)], **options)) == ([], [], 3)
    found = documents(elasticsearch.url, f"{prefix}-2026.11.25")
    assert found["e1"] == {"@timestamp": STAMP, "n": 1, "text": "ü"}
    assert found["e2"]["big"] == 2**63 - 1
    assert found["e3"]["nan"] is None
    assert len(found) == 4


def test_what_the_server_refuses_is_dead(elasticsearch, prefix):
    events = [event(1), event(2, where="Bad Name"), event(3), event(4, where="other"), event(5, cut="\ud800")]
    for one in events:
        one.fields.setdefault("where", "good")
    events[2].fields["n"] = "no number"
    result = sent(elasticsearch.url, events, index=f"{prefix}-%{{where}}")
    assert simple(result) == ([], [1, 2], 0)
    reasons = [reason for _, reason in result.dead]
    assert reasons[0].startswith("400 invalid_index_name_exception: ")
    assert reasons[1].startswith("400 document_parsing_exception: ")
    assert "no number" in reasons[1]


def test_versions_updates_and_deletes(elasticsearch, prefix):
    def run(*numbers, **options):
        return sent(
            elasticsearch.url, [event(number) for number in numbers], index=prefix, document_id="one", **options
        )

    external = {"version": "%{n}", "version_type": "external"}
    assert simple(run(5, 3, 7, **external)) == ([], [], 1)
    assert documents(elasticsearch.url, prefix)["one"]["n"] == 7
    assert run(8, action="update") == Sent()
    assert documents(elasticsearch.url, prefix)["one"]["n"] == 8
    assert run(9, 9, action="delete") == Sent()  # the second one finds nothing
    assert simple(run(10, action="update")) == ([], [0], 0)
    assert run(11, action="update", doc_as_upsert=True) == Sent()
    assert documents(elasticsearch.url, prefix)["one"]["n"] == 11


def test_a_block_is_for_now(elasticsearch, prefix):
    call(f"{elasticsearch.url}/{prefix}", "PUT", {"settings": {"index.blocks.write": True}})
    assert simple(sent(elasticsearch.url, [event(1)], index=prefix)) == ([0], [], 0)
    call(f"{elasticsearch.url}/{prefix}/_settings", "PUT", {"index.blocks.write": False})
    assert sent(elasticsearch.url, [event(1)], index=prefix) == Sent()


def test_one_item_that_spoils_the_request(elasticsearch, prefix):
    options = {"index": prefix, "document_id": "%{id}", "version": "%{n}", "version_type": "external"}
    spoiling = event("none", id="2")
    with pytest.raises(BodyTooLarge, match="HTTP 400"):
        sent(elasticsearch.url, [event(1, id="1"), spoiling], **options)
    assert simple(sent(elasticsearch.url, [spoiling], **options)) == ([], [0], 0)


@pytest.mark.parametrize("options", [{}, {"compression_level": 0}, {"http_compression": None, "compression_level": 6}])
def test_large_bodies_compressed_or_not(elasticsearch, prefix, options):
    events = [event(number, text="x" * 3000) for number in range(600)]
    options = {name: value for name, value in options.items() if value is not None}
    assert sent(elasticsearch.url, events, index=prefix, **options) == Sent()
    call(f"{elasticsearch.url}/{prefix}/_refresh", "POST")
    assert call(f"{elasticsearch.url}/{prefix}/_count")["count"] == 600


def test_a_data_stream_by_default(elasticsearch, prefix):
    template = {"index_patterns": [f"logs-{prefix}-*"], "data_stream": {}, "priority": 500}
    call(f"{elasticsearch.url}/_index_template/{prefix}", "PUT", template)
    options = {"data_stream_dataset": prefix}
    assert sent(elasticsearch.url, [event(1), event(2)], **options) == Sent()
    assert simple(sent(elasticsearch.url, [event(2), event(3)], **options)) == ([], [], 1)
    found = documents(elasticsearch.url, f"logs-{prefix}-default")
    assert sorted(found) == ["e1", "e2", "e3"]
    assert found["e1"]["data_stream"] == {"type": "logs", "dataset": prefix, "namespace": "default"}


def test_a_template_is_installed_once(elasticsearch, prefix, tmp_path):
    own = tmp_path / "template.json"
    own.write_text(json.dumps({"index_patterns": [f"{prefix}-*"], "template": {"aliases": {f"{prefix}-all": {}}}}))
    options = {"index": f"{prefix}-a", "template": str(own), "template_name": prefix}
    assert sent(elasticsearch.url, [event(1)], **options) == Sent()
    assert sorted(documents(elasticsearch.url, f"{prefix}-all")) == ["e1"]
    own.write_text(json.dumps({"index_patterns": [f"{prefix}-*"], "priority": 7}))
    where = f"{elasticsearch.url}/_index_template/{prefix}"

    def priority():
        return call(where)["index_templates"][0]["index_template"].get("priority")

    sent(elasticsearch.url, [], **options)
    assert priority() is None
    sent(elasticsearch.url, [], **options, template_overwrite=True)
    assert priority() == 7
    own.write_text('{"unknown":1}')
    with pytest.raises(ConfigurationError, match=f"the template {prefix}: HTTP 400"):
        sent(elasticsearch.url, [], **options, template_overwrite=True)


@pytest.mark.parametrize(
    ("ecs", "api", "fields", "types"),
    [
        ("disabled", "auto", {"geoip": {"location": {"lat": 1.0, "lon": 2.0}}}, {"geoip.location": "geo_point"}),
        ("disabled", "legacy", {"agent": "x"}, {"agent": "text", "agent.keyword": "keyword", "@timestamp": "date"}),
        (
            "v8",
            "auto",
            {"source": {"geo": {"location": {"lat": 1.0, "lon": 2.0}}}},
            {"source.geo.location": "geo_point"},
        ),
        ("v8", "legacy", {"agent": {"name": "2026-11-25"}}, {"agent.name": "keyword", "@timestamp": "date"}),
    ],
)
def test_the_default_template(elasticsearch, prefix, ecs, api, fields, types):
    sent(elasticsearch.url, [event(1)], ecs_compatibility=ecs, index=f"{prefix}-other")  # installs the default
    forget_default_templates(elasticsearch.url)
    name = "logstash" if ecs == "disabled" else "ecs-logstash"
    index = f"{name}-{prefix}"
    options = {"ecs_compatibility": ecs, "index": index, "template_api": api, "template_name": prefix}
    try:
        assert sent(elasticsearch.url, [event(1, **fields)], **options) == Sent()
    finally:
        kind = "_template" if api == "legacy" else "_index_template"
        call(f"{elasticsearch.url}/{kind}/{prefix}", "DELETE")
    found = call(f"{elasticsearch.url}/{index}/_field_caps?fields={','.join(types)}")["fields"]
    assert {field: next(iter(found[field])) for field in types} == types


def test_without_lifecycle_management(elasticsearch, prefix):
    warnings = []

    async def run(**options):
        async with opened(elasticsearch.url, warnings, index="i", ilm_rollover_alias=prefix, **options) as output:
            return await output.send(bodied(output, [event(1)]))

    assert asyncio.run(run(manage_template=False)) == Sent()
    assert asyncio.run(run(manage_template=True)).duplicates == 1
    assert "never rolls over" in warnings[0]
    (index,) = call(f"{elasticsearch.url}/_alias/{prefix}")
    assert index.startswith(f"{prefix}-20")
    with pytest.raises(ConfigurationError, match="has no lifecycle management"):
        asyncio.run(run(ilm_enabled="true"))


def test_several_hosts_one_of_them_dead(elasticsearch, prefix, caplog):
    caplog.set_level(logging.CRITICAL, "elastic_transport")
    hosts = [elasticsearch.url.removeprefix("http://"), f"127.0.0.1:{free_port()}"]

    async def run():
        async with opened("", hosts=hosts, index=prefix) as output:
            return [await output.send(bodied(output, [event(number)])) for number in range(8)]

    assert asyncio.run(run()) == [Sent()] * 8
    assert len(documents(elasticsearch.url, prefix)) == 8


def test_nobody_there(caplog):
    caplog.set_level(logging.CRITICAL, "elastic_transport")
    with pytest.raises(Unavailable, match="ConnectionError"):
        sent(f"http://127.0.0.1:{free_port()}", [])


def test_a_node_that_crashes_and_comes_back(elasticsearch, prefix, caplog):
    """What the engine does, in short: bodies are sent again until they are taken. Nothing is lost or twice."""
    caplog.set_level(logging.CRITICAL, "elastic_transport")
    if not hasattr(elasticsearch, "home"):
        pytest.skip("only with a local node")

    async def run():
        async with opened(elasticsearch.url, index=prefix, timeout=5, resurrect_delay=0.1) as output:
            duplicates = failures = 0
            for number in range(60):
                if number == 20:
                    elasticsearch.kill()
                    restart = asyncio.create_task(asyncio.to_thread(elasticsearch.start))
                body = bodied(output, [event(number * 50 + i) for i in range(50)])
                while True:
                    try:
                        result = await output.send(body)
                    except SendFailure:
                        failures += 1
                        await asyncio.sleep(0.1)
                        continue
                    duplicates += result.duplicates
                    if not result.again:
                        break
                    assert len(result.again) + result.duplicates == 50
            await restart
            return failures

    assert asyncio.run(run()) > 0
    call(f"{elasticsearch.url}/{prefix}/_refresh", "POST")
    assert call(f"{elasticsearch.url}/{prefix}/_count")["count"] == 3000


# ---------------------------------------------------------------------------------------------- special nodes


@pytest.fixture
def node(request, tmp_path):
    """A node of its own, with settings given by the test."""
    settings, options = request.param
    try:
        with elasticsearch_node.started(tmp_path, *settings, **options) as started:
            yield started
    except NotHere as reason:
        pytest.skip(f"elasticsearch: {reason}")


LIMITED = ["http.max_content_length: 1mb", "indexing_pressure.memory.limit: 500kb"]


@pytest.mark.filterwarnings("ignore:Exception ignored in")  # connections that the server cut in mid-body
@pytest.mark.parametrize("node", [(LIMITED, {})], indirect=True)
def test_a_body_that_is_too_large(node):
    large, middling = event(1, text="x" * 30_000_000), event(2, text="x" * 700_000)
    for level in (0, 1):
        with pytest.raises(BodyTooLarge, match="HTTP 413"):
            sent(node.url, [large], index="large", compression_level=level)
        with pytest.raises(Unavailable, match="HTTP 429: es_rejected_execution_exception"):
            sent(node.url, [middling], index="large", compression_level=level)
    gc.collect()


@pytest.mark.parametrize("node", [([], {"major": 8})], indirect=True)
def test_elasticsearch_8_with_lifecycle_management(node):
    options = {"ecs_compatibility": "disabled"}
    assert sent(node.url, [event(1)], **options) == Sent()
    assert simple(sent(node.url, [event(1), event(2)], **options)) == ([], [], 1)
    assert call(f"{node.url}/_ilm/policy")["logstash-policy"]["policy"]["phases"]["hot"]["actions"]["rollover"]
    (index,) = call(f"{node.url}/_alias/logstash")
    assert index.startswith("logstash-20")
    assert index.endswith("-000001")
    settings = call(f"{node.url}/{index}/_settings?flat_settings=true")[index]["settings"]
    assert settings["index.lifecycle.name"] == "logstash-policy"
    assert settings["index.lifecycle.rollover_alias"] == "logstash"
    with pytest.raises(ConfigurationError, match="there is no lifecycle policy mine"):
        sent(node.url, [], ilm_rollover_alias="mine", ilm_policy="mine")


@pytest.mark.long
@pytest.mark.parametrize("node", [([], {"secure": True})], indirect=True)
def test_credentials(node):
    url = node.url.removeprefix("https://")
    secure = {"hosts": [url], "ssl_enabled": True, "ssl_certificate_authorities": [str(node.ca)], "index": "i"}
    assert sent("", [event(1)], user="tester", password=PASSWORD, **secure) == Sent()
    with pytest.raises(NotAuthorised, match="unable to authenticate user"):
        sent("", [event(1)], user="tester", password="wrong", **secure)
    with pytest.raises(NotAuthorised, match="missing authentication credentials"):
        sent("", [event(1)], **secure)
    with pytest.raises(Unavailable, match="TlsError"):
        sent("", [event(1)], user="tester", password=PASSWORD, **secure | {"ssl_certificate_authorities": []})
    trusting = secure | {"ssl_certificate_authorities": [], "ssl_verification_mode": "none"}
    assert sent("", [event(2)], cloud_auth=f"tester:{PASSWORD}", **trusting) == Sent()
