"""The redis output against a real server."""

from __future__ import annotations

import asyncio
import json

import pytest
import trustme
from redis import Redis

from pipeline.config.building import build
from pipeline.errors import ConfigurationError, NotAuthorised, Unavailable
from pipeline.event import Event
from pipeline.plugin import Body, Sent
from tests.harness import context, planned
from tests.servers import redis

WRITTEN = Sent(again=[], dead=[])


@pytest.fixture
def key(request):
    return "key-" + request.node.name.replace("[", "-").replace("]", "")


@pytest.fixture
def client(redis_server):
    with Redis(port=redis_server.port, decode_responses=True) as one:
        yield one


def output(text):
    [(made, _)] = build(planned(f"output {{ redis {{ {text} }} }}"), context()).outputs.values()
    return made


def sent(text, documents, times=1):
    async def run():
        made = output(text)
        body = Body()
        for document in documents:
            made.render(Event(document), body.data)
            body.ends.append(len(body.data))
        try:
            for left in range(times - 1, -1, -1):
                try:
                    return await made.send(body)
                except Unavailable:
                    if not left:
                        raise
        finally:
            await made.close()

    return asyncio.run(run())


def test_lists_keep_their_order(redis_server, client, key):
    documents = [{"n": number, "k": "ab"[number % 2]} for number in range(6)]
    answer = sent(f'port => {redis_server.port} data_type => "list" key => "{key}-%{{k}}"', documents)
    assert answer == WRITTEN
    assert [json.loads(one)["n"] for one in client.lrange(f"{key}-a", 0, -1)] == [0, 2, 4]
    assert [json.loads(one)["n"] for one in client.lrange(f"{key}-b", 0, -1)] == [1, 3, 5]


def test_a_channel(redis_server, client, key):
    with client.pubsub(ignore_subscribe_messages=True) as heard:
        heard.subscribe(key)
        heard.get_message(timeout=5)
        text = f'port => {redis_server.port} data_type => "channel" key => "{key}"'
        sent(f'{text} codec => plain {{ format => "%{{n}}" }}', [{"n": 1}, {"n": 2}])
        found = [heard.get_message(timeout=5) for _ in range(2)]
    assert [message["data"] for message in found] == ["1", "2"]


def test_a_long_list_gets_no_more(redis_server, client, key):
    client.rpush(key, "1", "2", "3")
    text = f'port => {redis_server.port} data_type => "list" key => "{key}" congestion_threshold => 2'
    answer = sent(text, [{}, {}])
    assert [index for index, _ in answer.again] == [0, 1]
    assert "more than 2" in answer.again[0][1]
    client.ltrim(key, 0, 1)
    assert sent(text, [{}]) == WRITTEN


def test_what_is_no_list_is_the_end_of_its_events(redis_server, client, key):
    client.set(f"{key}-a", "text")
    text = f'port => {redis_server.port} data_type => "list" key => "{key}-%{{k}}"'
    answer = sent(text, [{"k": "a"}, {"k": "b"}])
    assert [index for index, _ in answer.dead] == [0]
    assert "WRONGTYPE" in answer.dead[0][1]
    assert client.llen(f"{key}-b") == 1


def test_another_host_where_one_does_not_answer(redis_server, client, key):
    text = f'host => ["127.0.0.1:9", "127.0.0.1:{redis_server.port}"] shuffle_hosts => false data_type => "list"'
    with pytest.raises(Unavailable, match=r"127\.0\.0\.1:9"):
        sent(f'{text} key => "{key}"', [{}])
    sent(f'{text} key => "{key}"', [{}], times=2)
    assert client.llen(key) == 1


def test_a_password_that_is_wrong(redis_server, client, key):
    client.config_set("requirepass", "right")
    try:
        base = f'port => {redis_server.port} data_type => "list" key => "{key}"'
        with pytest.raises(NotAuthorised):
            sent(f'{base} password => "wrong"', [{}])
        assert sent(f'{base} password => "right"', [{}]) == WRITTEN
    finally:
        client.execute_command("AUTH", "right")
        client.config_set("requirepass", "")


def test_tls(redis_server, tmp_path):
    """The certificate of the server is checked, unless the options say otherwise."""
    authority = trustme.CA()
    issued = authority.issue_cert("127.0.0.1")
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    issued.cert_chain_pems[0].write_to_path(tmp_path / "server.pem")
    issued.private_key_pem.write_to_path(tmp_path / "server.key")
    with redis.started(tmp_path, (tmp_path / "server.pem", tmp_path / "server.key")) as server:
        text = f'host => "127.0.0.1" port => {server.port} data_type => "list" key => "k" ssl_enabled => true'
        assert sent(f'{text} ssl_certificate_authorities => "{tmp_path}/ca.pem"', [{}]) == WRITTEN
        assert sent(f'{text} ssl_verification_mode => "none"', [{}]) == WRITTEN
        with pytest.raises(Unavailable, match="ertificate"):
            sent(text, [{}])


def test_faults():
    for text, said in (('queue => "q" key => "k" data_type => "list"', "key => "), ('key => "k"', "data_type")):
        with pytest.raises(ConfigurationError, match=said):
            output(text)
