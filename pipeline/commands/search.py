"""`apex-logs search`: what a query finds, newest first."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial

import orjson

from pipeline.commands.asking import Asked, Where, ask
from pipeline.commands.printing import cells, chosen, dumped, line_of, table
from pipeline.search.questions import Documents, Found

_AT_ONCE = 1_000
_COLUMNS = ("@timestamp", "level", "message")


@dataclass(frozen=True, slots=True)
class Look:
    """How hits are printed."""

    json: bool = False
    table: bool = False
    fields: str | None = None
    """Names with commas between them."""

    @property
    def names(self) -> list[str]:
        """The fields by name."""
        return [name.strip() for name in (self.fields or "").split(",") if name.strip()]


def search(where: Where, asked: Asked, look: Look, limit: int = 100) -> int:
    """Prints what is found; returns the exit code."""
    return ask(where, partial(_print_hits, where, asked, look, limit))


async def _print_hits(where: Where, asked: Asked, look: Look, limit: int, documents: Documents) -> None:
    question, left, after, rows = asked.question(), limit, None, list[list[str]]()
    names = look.names or list(_COLUMNS)
    while left:
        page = await documents.search(question, limit=min(left, _AT_ONCE), after=after)
        if look.table:
            rows += [cells(hit, names) for hit in page.hits]
        else:
            emit(page.hits, look)
        left, after = left - len(page.hits), page.after
        if after is None:
            break
    if look.table and rows:
        print(*table(names, rows), sep="\n")
    if left == limit:
        period = f", in the last {asked.last}" if asked.last else ""
        print(f"no hits for {asked.query} in {where}{period}", file=sys.stderr)


def emit(hits: Sequence[Found], look: Look) -> None:
    """Prints hits at once: as JSON, as fields with tabs between them, or as a line each."""
    sys.stdout.buffer.writelines(line + b"\n" for line in _lines(hits, look))
    sys.stdout.buffer.flush()


def _lines(hits: Sequence[Found], look: Look) -> Iterator[bytes]:
    names = look.names
    width = shutil.get_terminal_size().columns if sys.stdout.isatty() else 0
    for hit in hits:
        if look.json and not names:
            head = orjson.dumps(hit.index), orjson.dumps(hit.id), hit.source
            yield b'{"_index":%b,"_id":%b,"_source":%b}' % head
            continue
        if look.json:
            text = dumped(chosen(hit, names))
        elif names:
            text = "\t".join(cells(hit, names))
        else:
            text = line_of(hit, width)
        yield text.encode(errors="replace")
