"""Where "once" does not hold: said by `check`, as a repeat may then be seen twice, or hide another document.

An event's id makes a repeat of it a duplicate within one index. A data stream writes into a new index after each
rollover; and where two outputs write the same event into one index, the second is taken for a repeat of the first.
"""

from __future__ import annotations

from collections.abc import Sequence

from pipeline.config.check import CheckedPlugin
from pipeline.documents.options import DocumentOptions, to_data_stream
from pipeline.grammar.faults import Fault


def repeats(outputs: Sequence[CheckedPlugin]) -> list[Fault]:
    """What is to be said of these outputs."""
    warnings: list[Fault] = []
    first: dict[tuple[str, str], CheckedPlugin] = {}
    for checked in outputs:
        options = checked.options
        if not isinstance(options, DocumentOptions) or options.ids != "event" or options.document_id or options.action:
            continue
        name = checked.node.name
        if to_data_stream(options):
            message = "a data stream begins a new index at each rollover: an event sent again after it is there twice"
            warnings.append(Fault(f"{name}: {message}", checked.node.name_span))
        index = "a data stream" if to_data_stream(options) else str(options.index and options.index.text)
        target = (_where(options), index)
        other = first.setdefault(target, checked)
        if other is not checked:
            place = other.node.name_span.place
            message = (
                f"{name}: an event that goes here and to the output at {place} has one id in one index, and is taken"
                ' for a repeat; give another index, or ids => "none"'
            )
            warnings.append(Fault(message, checked.node.name_span))
    return warnings


def _where(options: DocumentOptions) -> str:
    """The cluster or the folder that an output writes to, as the configuration names it."""
    return str((getattr(options, "hosts", None), getattr(options, "path", None)))
