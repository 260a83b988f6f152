"""A server that answers bulk requests as Elasticsearch does, and counts what it is sent. It writes nothing.

    python -m bench.sink [--delay SECONDS] [--keep FILE]        prints its port, then serves until it is ended

Cheap, so that it does not disturb what is measured: it counts newlines, and keeps the first item. `--keep` appends
every body to a file instead, for those who compare documents. `GET /_bench` gives the counts as JSON.
"""

from __future__ import annotations

import argparse
import asyncio
import gzip
import json
import sys
import time
from pathlib import Path
from typing import Any, cast

_ROOT = b'{"name":"bench","cluster_name":"bench","version":{"number":"8.19.0"},"tagline":"You Know, for Search"}'
_END = b"\r\n\r\n"


class Counts:
    """What came in since the start."""

    def __init__(self, delay: float = 0.0, keep: Path | None = None) -> None:
        self.delay = delay
        self.keep = keep.open("ab") if keep is not None else None
        self.items = self.requests = self.bytes = self.largest = 0
        self.first: bytes = b""
        self.started = self.ended = 0.0
        self._answers: dict[int, bytes] = {}

    def body(self, data: bytes) -> bytes:
        """Takes the body of a bulk request; returns the answer."""
        items = data.count(b"\n") // 2  # a line for the action, one for the document
        if not self.requests:
            self.first = data[: data.index(b"\n", data.index(b"\n") + 1)]
            self.started = time.monotonic()
        self.ended = time.monotonic()
        self.items += items
        self.requests += 1
        self.bytes += len(data)
        self.largest = max(self.largest, items)
        if self.keep is not None:
            self.keep.write(data)
            self.keep.flush()
        answer = self._answers.get(items)
        if answer is None:
            written = b",".join([b'{"create":{"status":201}}'] * items)
            answer = self._answers[items] = b'{"errors":false,"items":[' + written + b"]}"
        return answer

    def shown(self) -> bytes:
        """The counts as JSON."""
        names = ("items", "requests", "bytes", "largest", "started", "ended")
        return json.dumps({name: getattr(self, name) for name in names} | {"first": self.first.decode()}).encode()


class Connection(asyncio.Protocol):
    """HTTP/1.1, as much of it as clients of Elasticsearch use: one request at a time, with a length."""

    def __init__(self, counts: Counts) -> None:
        self.counts = counts
        self.transport = cast("asyncio.Transport", None)
        self.parts: list[bytes] = []
        self.have = 0
        self.wanted = 0
        """Bytes of head and body together; 0 while the head is not whole."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        self.parts.append(data)
        self.have += len(data)
        if not self.wanted:
            whole = b"".join(self.parts)
            self.parts = [whole]
            if _END not in whole:
                return
            self._head(whole)
        if self.have >= self.wanted:
            whole = b"".join(self.parts)
            self.parts, self.have = [], 0
            self._request(whole)

    def _head(self, whole: bytes) -> None:
        head, _, body = whole.partition(_END)
        headers = dict(line.lower().split(b":", 1) for line in head.split(b"\r\n")[1:])
        self.packed = b"gzip" in headers.get(b"content-encoding", b"")
        self.wanted = len(head) + len(_END) + int(headers.get(b"content-length", b"0"))
        self.start = len(head) + len(_END)
        if b"expect" in headers and not body:
            self.transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")

    def _request(self, whole: bytes) -> None:
        self.wanted = 0
        method, target, _ = whole[: whole.index(b"\r\n")].split(b" ")
        path = target.partition(b"?")[0]
        if path.endswith(b"/_bulk"):
            body = whole[self.start :]
            answer = self.counts.body(gzip.decompress(body) if self.packed else body)
            if self.counts.delay:
                asyncio.get_running_loop().call_later(self.counts.delay, self._answer, answer)
                return
        elif path == b"/_bench":
            answer = self.counts.shown()
        else:
            answer = _ROOT if path == b"/" else b'{"acknowledged":true}'
        self._answer(answer, with_body=method != b"HEAD")

    def _answer(self, body: bytes, *, with_body: bool = True) -> None:
        head = b"HTTP/1.1 200 OK\r\nX-elastic-product: Elasticsearch\r\ncontent-type: application/json\r\n"
        self.transport.write(b"%bcontent-length: %d\r\n\r\n%b" % (head, len(body), body if with_body else b""))


async def serve(counts: Counts) -> None:
    """Serves on a free port, which is printed."""
    server = await asyncio.get_running_loop().create_server(lambda: Connection(counts), "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


def main() -> int:
    """Serves until the process is ended."""
    parser = argparse.ArgumentParser(prog="python -m bench.sink")
    parser.add_argument("--delay", type=float, default=0.0)
    parser.add_argument("--keep", type=Path)
    arguments = parser.parse_args()
    run(serve(Counts(arguments.delay, arguments.keep)))
    return 0


def run(work: Any) -> None:
    """On uvloop where there is one."""
    try:
        from uvloop import new_event_loop
    except ImportError:
        asyncio.run(work)
        return
    with asyncio.Runner(loop_factory=new_event_loop) as runner:
        runner.run(work)


if __name__ == "__main__":
    sys.exit(main())
