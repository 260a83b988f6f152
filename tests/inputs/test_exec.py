from __future__ import annotations

import asyncio

import pytest

from pipeline.config.building import build
from pipeline.errors import ConfigurationError
from tests.harness import context, planned

PATIENCE = 30.0


def inputs(text, ecs="v8"):
    warnings = []
    [made] = build(planned(f"input {{ exec {{ {text} }} }}", ecs=ecs), context(warnings=warnings)).inputs
    return made.input, warnings


def ran(text, ecs="v8", batches=1):
    async def run():
        made, _ = inputs(text, ecs)
        events, seen = [], 0
        async with asyncio.timeout(PATIENCE):
            async for batch in made.batches():
                events += made.decode(batch.data, batch.origin, None)
                seen += 1
                if seen == batches:
                    made.stop()
            await made.close()
        return events

    return asyncio.run(run())


def test_what_is_printed_is_one_event():
    [event] = ran("command => 'echo a; echo b; exit 3' interval => 60")
    assert event.fields["message"] == "a\nb\n"
    assert event.fields["process"] == {"command_line": "echo a; echo b; exit 3", "exit_code": 3}
    assert event.fields["host"]["name"]
    assert event.metadata["input"]["exec"]["process"]["elapsed_time"] > 0


def test_without_ecs():
    [event] = ran("command => 'echo a' interval => 60", "disabled")
    assert (event.fields["command"], event.metadata["exit_status"]) == ("echo a", 0)
    assert type(event.fields["host"]) is str
    assert 0 < event.metadata["duration"] < PATIENCE


@pytest.mark.parametrize(
    ("command", "printed", "code"),
    [("exit 3", "", 3), ("echo  a   b", "a b\n", 0), ("A=1 printenv A", "1\n", 0), ("kill -9 $$", "", None)],
)
def test_commands(command, printed, code):
    """As seen with `Open3.popen2` of Ruby 3.1, which logstash-input-exec calls."""
    [event] = ran(f"command => '{command}' interval => 60")
    assert event.fields["message"] == printed
    assert event.fields["process"] == {"command_line": command, "exit_code": code}


@pytest.mark.parametrize("command", ["no-such-command x", "/etc/passwd", "cd /"])
def test_a_command_that_is_not_there_is_no_event(command, caplog):
    """The spec of logstash-input-exec: an error in its log, and nothing enqueued."""

    async def run():
        made, _ = inputs(f"command => '{command}' interval => 0.01")
        batches = made.batches()
        taken = asyncio.create_task(anext(batches, None))
        while "cannot be run" not in caplog.text:
            await asyncio.sleep(0.01)
        made.stop()
        async with asyncio.timeout(PATIENCE):
            assert await taken is None

    asyncio.run(run())


def test_the_codec_makes_the_events():
    events = ran("command => 'echo a; echo b' interval => 60 codec => line")
    assert [event.fields["message"] for event in events] == ["a", "b"]
    assert len({event.metadata["event_id"] for event in events}) == 2


def test_a_schedule_with_seconds():
    events = ran("command => 'echo a' schedule => '* * * * * *'", batches=2)
    assert len(events) == 2


def test_a_stop_ends_what_runs():
    async def run():
        made, _ = inputs("command => 'sleep 600 | cat' interval => 60")
        asyncio.get_running_loop().call_later(0.2, made.stop)
        async with asyncio.timeout(PATIENCE):
            return [batch async for batch in made.batches()]

    assert asyncio.run(run()) == []


def test_faults_and_warnings():
    for text in ("", "interval => 1 schedule => '* * * * *'"):
        with pytest.raises(ConfigurationError, match="one of them"):
            inputs(f"command => 'x' {text}")
    with pytest.raises(ConfigurationError, match="no schedule"):
        inputs("command => 'x' schedule => 'soon'")
    assert "cannot send again" in inputs("command => 'x' interval => 1")[1][0]
