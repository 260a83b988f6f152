"""An independent oracle: it issues events, keeps what was acknowledged as an obligation, and checks deliveries.

    issued         every number that was made; nothing else may ever be delivered
    obligations    numbers whose window was acknowledged: each must be in the store, now and ever after
    payload        what an event must look like in the store follows from its number alone

It shares no code with the engine.
"""

from __future__ import annotations

import json
import random
import sqlite3
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any
from urllib.parse import unquote

_DAYS = ("2026-11-20", "2026-11-21", "2026-11-22")
_LEVELS = ("debug", "info", "warning", "error")


class Oracle:
    """Knows every event by its number."""

    def __init__(self, seed: int, senders: int) -> None:
        self.seed = seed
        self.senders = senders
        self.issued = 0
        self.obligations: set[int] = set()

    def issue(self, count: int) -> range:
        """The numbers of new events."""
        first, self.issued = self.issued, self.issued + count
        return range(first, self.issued)

    def message(self, number: int) -> str:
        """The log line of an event: JSON, as the API writes it."""
        draw = random.Random(self.seed * 1_000_003 + number)
        line = {
            "n": number,
            "level": draw.choice(_LEVELS),
            "event": draw.choice(("request_finished", "login", "Zürich ☃")),
            "nonce": f"{draw.getrandbits(64):016x}" * draw.randint(1, 12),
        }
        return json.dumps(line, ensure_ascii=number % 2 == 0)

    def envelope(self, number: int) -> bytes:
        """The event as Filebeat ships it: its place in the file names it."""
        sender = number % self.senders
        event = {
            "@timestamp": self.timestamp(number),
            "@metadata": {"beat": "filebeat", "type": "_doc", "version": "8.11.0"},
            "message": self.message(number),
            "log": {"offset": number * 4096, "file": {"path": f"/var/log/apex/{sender}.log"}},
            "input": {"type": "filestream"},
            "fields": {"service": "apex-api"},
            "agent": {"id": f"agent-{sender}", "type": "filebeat", "version": "8.11.0"},
        }
        return json.dumps(event, ensure_ascii=False).encode()

    def timestamp(self, number: int) -> str:
        """Three days, so that three indices are written side by side."""
        return f"{_DAYS[number % 3]}T10:{number // 60000 % 60:02}:{number // 1000 % 60:02}.{number % 1000:03}Z"

    def index(self, number: int) -> str:
        """The daily index that an event belongs to."""
        return f"apex-logs-{self.timestamp(number)[:10].replace('-', '.')}"

    def acknowledged(self, numbers: Iterable[int]) -> None:
        """The engine said that these have ended."""
        self.obligations.update(numbers)

    def check(self, delivered: Iterable[tuple[str, dict[str, Any]]], *, repeats: bool = False) -> int:
        """Checks documents with their indices; returns how many events there are.

        Each was issued, is there once, in its own index, and says what it was made to say; every obligation is met.
        With `repeats`, an event may be there more than once.
        """
        seen = self.seen(delivered)
        twice = [number for number, times in seen.items() if times > 1]
        assert repeats or not twice, f"{len(twice)} events are there more than once, such as {twice[:5]}"
        lost = self.obligations - seen.keys()
        assert not lost, f"{len(lost)} acknowledged events are not there, such as {sorted(lost)[:5]}"
        return len(seen)

    def seen(self, delivered: Iterable[tuple[str, dict[str, Any]]]) -> Counter[int]:
        """How often each event is there; each was issued, is in its own index, and says what it was made to say."""
        seen: Counter[int] = Counter()
        for index, document in delivered:
            number = document["n"]
            assert 0 <= number < self.issued, f"{number} was never issued"
            assert index == self.index(number), f"{number} is in {index}"
            self._check_payload(number, document)
            seen[number] += 1
        return seen

    def document(self, number: int) -> dict[str, Any]:
        """What an event has become."""
        sent = json.loads(self.envelope(number))
        del sent["@metadata"]
        return {**sent, **self.parsed(number), "@version": "1", "tags": ["beats_input_codec_plain_applied"]}

    def parsed(self, number: int) -> dict[str, Any]:
        """The fields that the filters make of the log line."""
        line = json.loads(self.message(number))
        line["log_event"] = line.pop("event")  # the filter's rename
        return line

    def _check_payload(self, number: int, document: dict[str, Any]) -> None:
        want = self.document(number)
        assert document == want, f"{number} was changed on its way: {document} is not {want}"


def in_store(folder: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    """Every document of the embedded store and its index, read with sqlite3 alone."""
    for path in sorted((folder / "indices").glob("*.sqlite")):
        with closing(sqlite3.connect(path)) as connection:
            [(index,)] = connection.execute("SELECT value FROM facts WHERE name = 'index'")
            for (source,) in connection.execute("SELECT source FROM documents"):
                yield unquote(index), json.loads(source)
