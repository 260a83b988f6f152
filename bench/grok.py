"""The grok filter against the bare engine: `re` with the very same expanded pattern, one line at a time.

    python -m bench.grok [--count N] [--rounds N]        prints JSON

The bare engine searches and makes a dict of the groups, as nobody gets fields for less. The filter does all that it
does in a pipeline; what it costs to make the event is taken off. The rounds are taken in turns.
"""

from __future__ import annotations

import argparse
import json
import re
import statistics
import sys
from collections.abc import Callable, Sequence
from itertools import count
from typing import Any

from bench.floor import Loop, micros
from pipeline.event import Event
from pipeline.filters.grok import Options, build
from pipeline.languages import grok
from pipeline.languages.grok_library import built_in
from pipeline.languages.ruby_regex_parser import parse
from pipeline.languages.ruby_regex_sets import ASCII
from pipeline.languages.ruby_regex_writer import written

ACCESS = (
    '198.51.100.{n} - - [24/Feb/2015:23:13:{n:02d} +0000] "GET /images/board-{n}.png HTTP/1.1" 200 2030{n} '
    '"http://example.org/talks/{n}" "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_9_1) AppleWebKit/537.36"'
)
SYSLOG = "Mar 16 00:01:{n:02d} mx{n} postfix/smtpd[17{n}]: connect from relay.example.net[198.51.100.{n}]"
OTHER = "user 42 logged out of the shop after {n} minutes, as nothing was left in the basket that was worth a click"
TEN = [
    *(
        "^Accepted %{WORD:method} for %{USER:user} from %{IP:ip}",
        "^Failed %{WORD:method} for %{USER:user} from %{IP:ip}",
    ),
    *("session opened for user %{USER:user}", "session closed for user %{USER:user}", "^Invalid user %{USER:user}"),
    *(
        "%{IP:client}:%{POSINT:port} refused",
        "took %{NUMBER:ms:float} ms",
        "status=%{INT:status:int}",
        "^%{SYSLOGLINE}",
    ),
    "%{COMBINEDAPACHELOG}",
]


def main() -> int:
    """Measures and prints."""
    parser = argparse.ArgumentParser(prog="python -m bench.grok")
    parser.add_argument("--count", type=int, default=2_000)
    parser.add_argument("--rounds", type=int, default=15)
    arguments = parser.parse_args()
    json.dump(measure(arguments.count, arguments.rounds), sys.stdout)
    return 0


def measure(lines: int, rounds: int) -> dict[str, tuple[float, float]]:
    """For each shape, the microseconds of a line, and how many times those of the bare engine they are."""
    shapes: dict[str, tuple[Sequence[str], str, str]] = {}
    for ecs, label in (("disabled", ""), ("v8", ", ECS")):
        shapes[f"COMBINEDAPACHELOG{label}"] = (["%{COMBINEDAPACHELOG}"], ACCESS, ecs)
        shapes[f"SYSLOGLINE{label}"] = (["%{SYSLOGLINE}"], SYSLOG, ecs)
    shapes["COMBINEDAPACHELOG, no match"] = (["%{COMBINEDAPACHELOG}"], OTHER, "disabled")
    shapes["^SYSLOGLINE, no match"] = (["^%{SYSLOGLINE}"], OTHER, "disabled")
    shapes["ten patterns, the last matches"] = (TEN, ACCESS, "disabled")
    shapes["ten patterns, no match"] = (TEN, OTHER, "disabled")
    return {name: _compared(*shape, lines, rounds) for name, shape in shapes.items()}


def _compared(patterns: Sequence[str], line: str, ecs: str, lines: int, rounds: int) -> tuple[float, float]:
    texts = [line.format(n=number % 60) for number in range(lines)]
    bare, made, ours = (
        _bare(patterns, ecs, texts),
        _loop(texts, lambda event: None),
        _loop(texts, _filter(patterns, ecs)),
    )
    costs, ratios = [], []
    for _ in range(rounds):
        beside, making, cost = micros(bare), micros(made), micros(ours)
        costs.append(cost - making)
        ratios.append((cost - making) / beside)
    return statistics.median(costs), statistics.median(ratios)


def _filter(patterns: Sequence[str], ecs: str) -> Callable[[Event], Any]:
    options = {"match": {"message": list(patterns)}, "overwrite": ["message"], "ecs_compatibility": ecs}
    made: Any = build(Options.model_validate(options))
    return made


def _loop(texts: Sequence[str], work: Callable[[Event], Any]) -> Loop:
    def run() -> int:
        for text in texts:
            work(Event({"@timestamp": "2024-01-01T00:00:00.000Z", "@version": "1", "message": text}))
        return len(texts)

    return run


def _bare(patterns: Sequence[str], ecs: str, texts: Sequence[str]) -> Loop:
    searches = [_python(pattern, ecs).search for pattern in patterns]

    def run() -> int:
        for text in texts:
            for search in searches:
                found = search(text)
                if found is not None:
                    found.groupdict()
                    break
        return len(texts)

    return run


def _python(pattern: str, ecs: str) -> re.Pattern[str]:
    """The expanded pattern as Python writes it, with names that Python takes."""
    numbers = count()
    text = grok.expanded(pattern, dict(built_in(ecs=ecs != "disabled")))
    text = re.sub(r"\(\?<(?![=!])[^>]*>", lambda found: f"(?<n{next(numbers)}>", text)
    return re.compile(written(parse(text, newline=True).tree, ASCII), re.ASCII | re.MULTILINE)


if __name__ == "__main__":
    sys.exit(main())
