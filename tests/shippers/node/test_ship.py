"""The shipper as a user runs it: a process, its signals, its exit codes, and what it remembers."""

from __future__ import annotations

import asyncio
import signal
from pathlib import Path

import pytest

from pipeline.event_ids import beat_namer
from pipeline.protocols.lumberjack import ack
from tests.shippers.node.receiving import LumberjackServer, until
from tests.shippers.node.shipper import Shipper, configuration, ship


def lines(first: int, last: int) -> str:
    return "".join(f"line {number}\n" for number in range(first, last))


def append(folder: Path, text: str, name: str = "a.log") -> None:
    with (folder / "logs" / name).open("a") as file:
        file.write(text)


def test_what_is_there_and_what_comes_and_after_a_stop_only_what_is_new(tmp_path: Path) -> None:
    async def test() -> None:
        async with LumberjackServer() as server:
            path = configuration(tmp_path, server.port)
            append(tmp_path, lines(0, 10) + "not whole")
            with Shipper(path) as shipper:
                await until(lambda: len(server.events) == 10)
                append(tmp_path, " now\n" + lines(10, 20))
                await until(lambda: len(server.events) == 21)
                assert await asyncio.to_thread(shipper.stop) == 0
                append(tmp_path, lines(20, 30))
                shipper.start()
                await until(lambda: "line 29" in server.messages)
                assert await asyncio.to_thread(shipper.stop, signal.SIGINT) == 0
            expected = [*lines(0, 10).splitlines(), "not whole now", *lines(10, 30).splitlines()]
            assert server.messages == expected

    asyncio.run(test())


def test_after_kill_9_what_was_not_acknowledged_is_sent_again_with_the_same_ids(tmp_path: Path) -> None:
    async def test() -> None:
        async with LumberjackServer() as server:
            path = configuration(tmp_path, server.port)
            append(tmp_path, lines(0, 100))
            with Shipper(path) as shipper:
                await until(lambda: len(server.events) == 100)
                registry = tmp_path / "data" / "registry" / "logs"
                await until(lambda: f" {len(lines(0, 100))} " in registry.read_text())
                server.answer = lambda count: None
                append(tmp_path, lines(100, 200))
                await until(lambda: len(server.events) == 200)
                shipper.kill()
                server.answer = ack
                (tmp_path / "logs" / "a.log").rename(tmp_path / "logs" / "b.log")
                shipper.start()
                await until(lambda: len(server.events) == 300)
                assert await asyncio.to_thread(shipper.stop) == 0
            assert server.messages == lines(0, 200).splitlines() + lines(100, 200).splitlines()
            ids = [beat_namer()(event, event["@metadata"]) for event in server.events]
            assert None not in ids
            assert ids[100:200] == ids[200:]
            assert len(set(ids)) == 200

    asyncio.run(test())


def test_once_ships_what_there_is_and_ends(tmp_path: Path) -> None:
    async def test() -> None:
        async with LumberjackServer() as server:
            path = configuration(tmp_path, server.port)
            append(tmp_path, lines(0, 5000))
            for code, count in ((0, 5000), (0, 5000)):
                done = await asyncio.to_thread(ship, path, "--once")
                assert done.returncode == code, done.stderr
                assert len(server.events) == count
            assert "0 events were acknowledged" in done.stderr

    asyncio.run(test())


def test_sigterm_waits_for_acknowledgements_within_the_bound(tmp_path: Path) -> None:
    async def test() -> None:
        async with LumberjackServer(lambda count: None) as server:
            path = configuration(tmp_path, server.port, more='shutdown_timeout = "500ms"')
            append(tmp_path, lines(0, 10))
            with Shipper(path) as shipper:
                await until(lambda: len(server.events) == 10)
                assert await asyncio.to_thread(shipper.stop) == 0
            assert "10 events were not acknowledged in time" in shipper.said()

    asyncio.run(test())


def test_two_shippers_do_not_share_a_folder(tmp_path: Path) -> None:
    path = configuration(tmp_path, 9)
    with Shipper(path) as first:
        asyncio.run(until(lambda: (tmp_path / "ship.log").exists() and "following" in first.said()))
        done = ship(path, "--once")
    assert done.returncode == 1
    assert "is in use by another process" in done.stderr
    assert "another folder as data" in done.stderr


@pytest.mark.parametrize("argument", [(), ("--test",)])
def test_a_faulty_configuration_is_exit_2(tmp_path: Path, argument: tuple[str, ...]) -> None:
    path = tmp_path / "node.toml"
    path.write_text("[output.lumberjak]\n")
    done = ship(path, *argument)
    assert done.returncode == 2
    assert f"{path}: output.lumberjak: there is no such option" in done.stderr
    assert "faults in the configuration" in done.stderr


def test_positions_that_cannot_be_saved_are_told_of(tmp_path: Path) -> None:
    async def test() -> None:
        async with LumberjackServer() as server:
            path = configuration(tmp_path, server.port)
            append(tmp_path, lines(0, 1))
            (tmp_path / "data" / "registry" / "logs.new").mkdir(parents=True)  # in the way of what replaces them
            done = await asyncio.to_thread(ship, path, "--once")
            assert (done.returncode, server.messages) == (1, ["line 0"]), done.stderr
            assert "cannot be saved in" in done.stderr
            assert "sent again after a restart, under the same ids" in done.stderr
            assert "1 event was acknowledged" in done.stderr

    asyncio.run(test())


def test_positions_that_are_damaged_are_told_of(tmp_path: Path) -> None:
    async def test() -> None:
        async with LumberjackServer() as server:
            path = configuration(tmp_path, server.port)
            append(tmp_path, lines(0, 2))
            await asyncio.to_thread(ship, path, "--once")
            (tmp_path / "data" / "registry" / "logs").write_text("not a position\n")
            done = await asyncio.to_thread(ship, path, "--once")
            assert "logs is damaged: 1 of its 1 lines are no positions" in done.stderr
            ids = [beat_namer()(event, event["@metadata"]) for event in server.events]
            assert ids[:2] == ids[2:]
            (tmp_path / "data" / "registry" / "logs").unlink()
            (tmp_path / "data" / "registry" / "logs").mkdir()
            done = await asyncio.to_thread(ship, path, "--once")
            assert done.returncode == 1
            assert f"{tmp_path}/data/registry/logs: Is a directory; see `data`" in done.stderr

    asyncio.run(test())


def test_that_nothing_matches_is_said(tmp_path: Path) -> None:
    done = ship(configuration(tmp_path, 9), "--once")
    assert done.returncode == 0
    assert "logs: no file matches yet" in done.stderr
