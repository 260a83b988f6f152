"""The end of a program, and its children: each program runs in a process of its own, against the real input."""

from __future__ import annotations

import time

import pytest

from tests.servers.elasticsearch_node import free_port
from tests.shippers.handlers.workbench import PATIENCE, Pipeline, eventually, new_run, program

START = """
import atexit, logging, multiprocessing, os, signal, sys, threading, time
from shippers.handlers.logs import LumberjackHandler
from shippers.handlers.transports import Pace
address, run = sys.argv[1:3]
handler = LumberjackHandler(address, fields={"run": run}, pace=Pace(farewell=30.0))
log = logging.getLogger("program")
log.setLevel("INFO")
log.addHandler(handler)
"""


@pytest.mark.parametrize(
    ("text", "shipped"),
    [
        ("log.info('last words')", ["last words"]),
        ("log.info('before'); sys.exit(0)", ["before"]),
        ("atexit.register(log.info, 'at exit'); log.info('in time')", ["at exit", "in time"]),
        ("atexit.register(log.info, 'at exit alone')", ["at exit alone"]),
        ("[log.info('%d', n) for n in range(5000)]", list(map(str, range(5000)))),
        ("log.info('x'); handler.close(); handler.close()", ["x"]),
    ],
)
def test_what_was_logged_is_shipped_before_the_program_ends(pipeline: Pipeline, text: str, shipped: list[str]) -> None:
    run = new_run()["run"]
    assert program(START + text, pipeline.address, run) == ""
    assert sorted(pipeline.messages(run)) == sorted(shipped)


def test_an_error_ends_the_program_as_ever(pipeline: Pipeline) -> None:
    run = new_run()["run"]
    said = program(START + "log.info('before'); raise SystemError('why')", pipeline.address, run, code=1)
    assert "SystemError: why" in said
    assert pipeline.messages(run) == ["before"]


def test_the_end_is_bounded_while_the_pipeline_is_away() -> None:
    text = START.replace("farewell=30.0", "farewell=0.5") + "log.info('lost')"
    before = time.monotonic()
    said = program(text, f"127.0.0.1:{free_port()}", "none")
    assert time.monotonic() - before < PATIENCE
    assert "1 records were not delivered within 0.5 s at the end" in said


def test_a_transport_that_logs_at_the_end_does_not_wait_for_it(pipeline: Pipeline) -> None:
    text = """
transport = handler._courier._transport
send = transport.send
def talkative(payloads, left):
    log.info('sending')
    return send(payloads, left)
transport.send = talkative
log.info('last words')
"""
    run = new_run()["run"]
    assert program(START + text, pipeline.address, run) == ""
    assert pipeline.messages(run) == ["last words"]


FORK = """
def child(number):
    log.info("child %d", number)
    if number % 2:
        handler.close()
        os._exit(0)
    sys.exit(0)
log.info("parent before")
DRAIN
for number in range(4):
    if os.fork() == 0:
        child(number)
log.info("parent after")
for _ in range(4):
    os.wait()
"""


@pytest.mark.parametrize("drained", [False, True])
def test_a_forked_child_ships_its_own_and_nothing_is_sent_twice(pipeline: Pipeline, drained: bool) -> None:
    run = new_run()["run"]
    text = START + FORK.replace("DRAIN", "assert handler.drain(30)" if drained else "")
    assert program(text, pipeline.address, run) == ""
    expected = ["parent before", "parent after", *(f"child {number}" for number in range(4))]
    assert sorted(pipeline.messages(run)) == sorted(expected)
    assert len({document["agent"]["ephemeral_id"] for document in pipeline.found(run)}) == 5


def test_forks_under_load_lose_nothing(pipeline: Pipeline) -> None:
    run = new_run()["run"]
    text = """
def busy(name):
    for number in range(300):
        log.info("%s %d", name, number)
threads = [threading.Thread(target=busy, args=(f"thread{n}",)) for n in range(3)]
for thread in threads:
    thread.start()
children = []
for number in range(10):
    pid = os.fork()
    if pid == 0:
        busy(f"child{number}")
        handler.close()
        os._exit(0 if handler.sent == 300 else 1)
    children.append(pid)
for thread in threads:
    thread.join()
assert [os.waitpid(pid, 0)[1] for pid in children] == [0] * 10
"""
    assert program(START + text, pipeline.address, run) == ""
    names = [*(f"thread{n}" for n in range(3)), *(f"child{n}" for n in range(10))]
    assert sorted(pipeline.messages(run)) == sorted(f"{name} {number}" for name in names for number in range(300))


@pytest.mark.parametrize("method", ["fork", "spawn", "forkserver"])
def test_children_of_multiprocessing(pipeline: Pipeline, method: str) -> None:
    run = new_run()["run"]
    program(
        """
        import logging, multiprocessing, sys
        from tests.shippers.handlers import worker
        if __name__ == "__main__":
            worker.begin(*sys.argv[1:3])
            ways = multiprocessing.get_context(sys.argv[3])
            with ways.Pool(2, worker.begin, sys.argv[1:3]) as pool:
                pool.map(worker.work, range(10))
                pool.close()
                pool.join()
            process = ways.Process(target=worker.alone, args=sys.argv[1:3])
            process.start()
            process.join()
            worker.work("parent")
        """,
        pipeline.address,
        run,
        method,
    )
    assert sorted(pipeline.messages(run)) == sorted(["alone", "parent", *map(str, range(10))])


def test_a_program_that_is_killed_loses_what_was_not_acknowledged_alone(pipeline: Pipeline) -> None:
    run = new_run()["run"]
    text = "log.info('one'); assert handler.drain(30); log.info('two'); os.kill(os.getpid(), signal.SIGKILL)"
    program(START + text, pipeline.address, run, code=-9)
    eventually(lambda: "one" in pipeline.messages(run))
    assert set(pipeline.messages(run)) <= {"one", "two"}
