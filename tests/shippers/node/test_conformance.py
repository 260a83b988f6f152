"""Lumberjack with others: our shipper and Elastic's server, our server and clients that are not ours."""

from __future__ import annotations

import json
import os
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import trustme

from tests.proofs.engine import TextEngine
from tests.servers import go_sources, npm_packages
from tests.servers.elasticsearch_node import free_port
from tests.servers.packages import NotHere
from tests.shippers.node.shipper import BEATS, configuration, ship

PATIENCE = 60.0
LUMBER = Path(go_sources.__file__).with_name("lumber")


@pytest.fixture(scope="module")
def lumber() -> Path:
    """Elastic's go-lumber, as a program."""
    try:
        return go_sources.built("lumber", LUMBER)
    except NotHere as reason:
        pytest.skip(f"go-lumber: {reason}")


@contextmanager
def serving(program: Path, folder: Path, *files: Path) -> Iterator[tuple[int, Path]]:
    """Elastic's server: its port, and the file of what it took, after a first line."""
    taken = folder / "taken"
    with taken.open("wb") as out:
        process = subprocess.Popen([program, "serve", *files], stdout=out)
    try:
        deadline = time.monotonic() + PATIENCE
        while not (first := taken.read_text()).endswith("\n"):
            assert process.poll() is None
            assert time.monotonic() < deadline
            time.sleep(0.01)
        yield int(first), taken
    finally:
        process.kill()
        process.wait()


@pytest.mark.parametrize("tls", [False, True])
@pytest.mark.parametrize(
    "options", ["", "compression_level = 0\n", "bulk_max_size = 100\nslow_start = true\npipelining = 5\n"]
)
def test_our_shipper_and_elastics_server(lumber: Path, tmp_path: Path, tls: bool, options: str) -> None:
    files, tables = [], ""
    if tls:
        authority = trustme.CA(key_type=trustme.KeyType.ECDSA)
        authority.cert_pem.write_to_path(tmp_path / "ca.pem")
        issued = authority.issue_cert("127.0.0.1")
        issued.cert_chain_pems[0].write_to_path(tmp_path / "server.pem")
        issued.private_key_pem.write_to_path(tmp_path / "server-key.pem")
        files = [tmp_path / "server.pem", tmp_path / "server-key.pem"]
        tables = '[output.lumberjack.tls]\ncertificate_authorities = ["{folder}/ca.pem"]\n'
    lines = [f"line {number} ☃" for number in range(5000)]
    with serving(lumber, tmp_path, *files) as (port, taken):
        path = configuration(tmp_path, port, output=BEATS + options, tables=tables)
        (tmp_path / "logs" / "a.log").write_text("\n".join(lines) + "\n")
        done = ship(path, "--once")
        assert done.returncode == 0, done.stderr
    events = [json.loads(line) for line in taken.read_text().splitlines()[1:]]
    assert [event["message"] for event in events] == lines
    assert events[0]["agent"]["type"] == "filebeat"


def engine(folder: Path, port: int) -> TextEngine:
    text = f"""
        input {{ beats {{ port => {port} }} }}
        output {{ sqlite {{ path => "{folder / "store"}" index => "events" }} }}
    """
    made = TextEngine(folder / "engine", text)
    made.port, made.store = port, folder / "store"
    return made


def stored(running: TextEngine, count: int) -> list[dict[str, Any]]:
    """What is in the store, when there is so much."""
    deadline = time.monotonic() + PATIENCE
    while True:
        found = list(running.documents()) if list(running.store.glob("indices/*.sqlite")) else []
        if len(found) >= count or time.monotonic() > deadline:
            return found
        time.sleep(0.05)


def test_our_server_and_elastics_client(lumber: Path, tmp_path: Path) -> None:
    running = engine(tmp_path, free_port())
    running.start()
    try:
        running.listening()
        lines = "".join(json.dumps({"message": f"line {number} ☃"}) + "\n" for number in range(2000))
        done = subprocess.run(
            [lumber, "send", f"127.0.0.1:{running.port}"], input=lines, capture_output=True, text=True, timeout=PATIENCE
        )
        assert (done.returncode, done.stdout.strip()) == (0, "2000"), done.stderr
        messages = sorted(document["message"] for document in running.documents())  # acknowledged: so it is there
        assert messages == sorted(f"line {number} ☃" for number in range(2000))
    finally:
        running.kill()


SENDING = """
const Client = require('lumberjack-client')
const client = new Client({ host: '127.0.0.1', port: Number(process.argv[2]) })
for (let n = 0; n < 100; n++) client.log({ message: `queued ${n} ☃` })
const later = setInterval(() => {
  if (!client.connected) return
  for (let n = 0; n < 100; n++) client.log({ message: `alone ${n} ☃` })
  clearInterval(later)
  let answered = 0
  client.socket.on('data', (data) => {
    answered += data.length / 6
    if (answered >= 100) process.exit(0)
  })
}, 10)
"""


def test_our_server_and_the_client_of_npm(tmp_path: Path) -> None:
    """What it queued goes out as one window, and each event after that as one of its own."""
    try:
        node, folder = npm_packages.installed(npm_packages.LUMBERJACK_CLIENT)
    except NotHere as reason:
        pytest.skip(f"lumberjack-client: {reason}")
    running = engine(tmp_path, free_port())
    running.start()
    try:
        running.listening()
        (tmp_path / "send.js").write_text(SENDING)
        environment = {**os.environ, "NODE_PATH": str(folder / "node_modules")}
        command = [node, str(tmp_path / "send.js"), str(running.port)]
        done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=PATIENCE)
        assert done.returncode == 0, done.stderr
        messages = sorted(document["message"] for document in stored(running, 200))
        assert messages == sorted(f"{kind} {number} ☃" for kind in ("queued", "alone") for number in range(100))
    finally:
        running.kill()
