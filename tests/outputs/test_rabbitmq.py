"""The rabbitmq output against a real broker."""

from __future__ import annotations

import asyncio
import json

import aiormq
import pytest
import trustme

from pipeline.config.building import build
from pipeline.errors import ConfigurationError, NotAuthorised, Unavailable
from pipeline.event import Event
from pipeline.plugin import Body, Sent
from tests.harness import context, planned
from tests.servers import rabbitmq

WRITTEN = Sent(again=[])


@pytest.fixture
def name(request):
    return f"exchange-{request.node.name}"


def output(text):
    [(made, _)] = build(planned(f"output {{ rabbitmq {{ {text} }} }}"), context()).outputs.values()
    return made


def base(server, name, kind="topic"):
    return f'host => "127.0.0.1" port => {server.port} exchange => "{name}" exchange_type => "{kind}"'


def body_of(made, documents):
    body = Body()
    for number, document in enumerate(documents):
        made.render(Event(document, {"event_id": f"e{number}"}), body.data)
        body.ends.append(len(body.data))
    return body


def test_messages_are_confirmed_and_there(rabbitmq_server, name):
    text = f"""{base(rabbitmq_server, name)} key => "app.%{{k}}"
        message_properties => {{ "app_id" => "%{{k}}" "priority" => 3 "headers" => {{ "h" => "%{{n}}" }} }}"""

    async def run():
        made = output(text)
        await made.start()
        connection = await aiormq.connect(f"amqp://127.0.0.1:{rabbitmq_server.port}/")
        channel = await connection.channel()
        await channel.queue_declare(name, durable=True)
        await channel.queue_bind(name, name, routing_key="app.a")
        answer = await made.send(body_of(made, [{"k": "a", "n": 1}, {"k": "b", "n": 2}, {"k": "a", "n": 3}]))
        await made.close()
        found = [await channel.basic_get(name, no_ack=True) for _ in range(3)]
        await connection.close()
        return answer, found

    answer, (first, second, none) = asyncio.run(run())
    assert answer == WRITTEN
    assert [json.loads(each.body)["n"] for each in (first, second)] == [1, 3]
    assert none.delivery_tag is None
    properties = first.header.properties
    assert (properties.message_id, properties.delivery_mode, properties.priority) == ("e0", 2, 3)
    assert (properties.app_id, properties.headers) == ("a", {"h": "1"})


def failing(text):
    async def run():
        made = output(text)
        try:
            await made.start()
        finally:
            await made.close()

    asyncio.run(run())


def test_what_stands_in_the_way(rabbitmq_server, name):
    failing(base(rabbitmq_server, name))
    with pytest.raises(Unavailable, match="inequivalent"):
        failing(base(rabbitmq_server, name, "fanout"))
    with pytest.raises(Unavailable, match="no exchange"):
        failing(base(rabbitmq_server, f"{name}-2") + " passive => true")
    with pytest.raises(NotAuthorised):
        failing(base(rabbitmq_server, name) + ' user => "stranger" password => "x"')
    with pytest.raises(Unavailable, match=r"127\.0\.0\.1:9"):
        failing(f'host => "127.0.0.1" port => 9 exchange => "{name}" exchange_type => "topic"')


def test_it_connects_anew_after_the_broker_went(rabbitmq_server, name):
    async def run():
        made = output(base(rabbitmq_server, name))
        await made.start()
        body = body_of(made, [{"n": 1}, {"n": 2}])
        await asyncio.to_thread(rabbitmq_server.stop)
        with pytest.raises(Unavailable):
            await made.send(body)
        await asyncio.to_thread(rabbitmq_server.start)
        answer = await made.send(body)
        await made.close()
        return answer

    assert asyncio.run(run()) == WRITTEN


def test_tls(rabbitmq_server, tmp_path):
    """The certificate of the server is checked, unless the options say otherwise."""
    authority = trustme.CA()
    issued = authority.issue_cert("127.0.0.1")
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    issued.cert_chain_pems[0].write_to_path(tmp_path / "server.pem")
    issued.private_key_pem.write_to_path(tmp_path / "server.key")
    with rabbitmq.started(tmp_path, (tmp_path / "server.pem", tmp_path / "server.key")) as server:
        text = f'host => "127.0.0.1" port => {server.port} exchange => "x" exchange_type => "fanout" ssl => true'
        failing(f'{text} ssl_certificate_authorities => "{tmp_path}/ca.pem"')
        failing(f'{text} ssl_verification_mode => "none" ssl_version => "TLSv1.2"')
        with pytest.raises(Unavailable, match="ertificate"):
            failing(text)


def test_faults():
    for text, said in (
        ('host => "h" exchange => "x"', "exchange_type"),
        ('host => "h" exchange => "x" exchange_type => "fanout" message_properties => { "colour" => 1 }', "colour"),
        ('host => "h" exchange => "x" exchange_type => "fanout" ssl => true ssl_version => "SSLv3"', "ssl_version"),
    ):
        with pytest.raises(ConfigurationError, match=said):
            output(text)


@pytest.mark.parametrize(
    ("properties", "fine", "too_much"),
    [
        ('"message_id" => "%{x}"', "é" * 127, "é" * 128),
        ('"correlation-id" => "%{x}"', 5, "x" * 256),
        ('"priority" => "%{x}"', "9", "256"),
        ('"delivery_mode" => "%{x}"', 1, "x"),
        ('"timestamp" => "%{x}"', "1700000000.5", "%{missing}"),
        ('"timestamp" => "%{x}"', 0, -1),
        ('"timestamp" => "%{x}"', 253_402_300_799, 1e12),
        ('"headers" => { "h" => "%{x}" }', "x" * 300, "\ud800"),
    ],
)
def test_what_the_protocol_cannot_hold_concerns_one_event(properties, fine, too_much):
    """It is found when the event is rendered: while it is sent, it would end the pipeline, each time it is repeated."""
    made = output(f'host => "h" exchange => "x" exchange_type => "fanout" message_properties => {{ {properties} }}')
    made.render(Event({"x": fine}, {"event_id": "e"}), bytearray())
    with pytest.raises((ValueError, TypeError)):
        made.render(Event({"x": too_much}, {"event_id": "e"}), bytearray())
