"""Every exception that apex-logs raises on purpose.

ApexLogsError
├── ConfigurationError       the configuration has faults; carries all of them
├── FieldReferenceError      a field reference that cannot be read
├── FieldError               a field that cannot be set where it was asked for
├── Unjudged                 a condition that cannot be judged for this event, which is then dropped
├── FilterFailure            a filter could not do its work on this event; the engine tags it
├── BrokenFraming            a sender's bytes cannot be trusted: close, do not acknowledge
├── Undecodable              one event of a batch cannot be decoded; knows its place
├── SendFailure              an output's body was not taken, for a reason that concerns all of it
│   ├── Unavailable          no answer, or "later": send it again
│   ├── BodyTooLarge         send it again in halves
│   └── NotAuthorised        credentials are refused: wait and say so, drop nothing
├── Unattended               the process ends, and no pipeline takes what was handed to an address
└── StoreError               the embedded store or a file on disk cannot be used
    ├── Damaged              an archive cannot be read on; what stood before that was read
    └── DiskRefuses          the file system refuses it just now: it may be asked again
"""

from collections.abc import Iterator
from typing import Any


class ApexLogsError(Exception):
    """The root of the tree."""


class ConfigurationError(ApexLogsError):
    """The configuration cannot be run. `faults` holds every fault found, in the order of the text."""

    def __init__(self, faults: list[object]) -> None:
        super().__init__("\n".join(str(fault) for fault in faults))
        self.faults = faults


class FieldReferenceError(ApexLogsError):
    """A field reference that cannot be read, such as `[a][b`."""


class FieldError(ApexLogsError):
    """A field that cannot be set: its parent is a scalar, or an array that does not reach so far back."""


class Unjudged(ApexLogsError):
    """A condition cannot be judged, as a text has no order against a number: the event is dropped, as in Logstash."""


class FilterFailure(ApexLogsError):
    """A filter could not do its work on this event: the engine adds the filter's `tag_on_failure`."""


class NoAddress(ApexLogsError):
    """The options give no address for this event: an index with a placeholder left, an unknown action."""


class BrokenFraming(ApexLogsError):
    """The bytes of a sender break its protocol. The connection is closed without acknowledgement."""


class Undecodable(ApexLogsError):
    """One event of a batch cannot be decoded. `place` says where it stands, more closely than the batch's origin."""

    def __init__(self, reason: str, place: dict[str, Any]) -> None:
        super().__init__(reason)
        self.place = place


class SendFailure(ApexLogsError):
    """A body was not taken, for a reason that concerns all of its items."""


class Unavailable(SendFailure):
    """No answer, a cut answer, or an answer that says "later". The body is sent again."""


class BodyTooLarge(SendFailure):
    """The receiver refuses a body of this size (HTTP 413). It is sent again in halves."""


class NotAuthorised(SendFailure):
    """The receiver refuses our credentials (HTTP 401, 403). The output waits and says so."""


class Unattended(ApexLogsError):
    """The process ends, and no pipeline takes what another handed to an address: it is not acknowledged."""


class StoreError(ApexLogsError):
    """The embedded store, or a file that the engine keeps on disk, cannot be used."""


class Damaged(StoreError):
    """An archive cannot be read on: it is cut short, corrupt, or unpacks to too much. What stood before was read."""

    unused = 0
    """Bytes of what is packed that were taken and not unpacked, at most: the damage is among them."""


class DiskRefuses(StoreError):
    """The file system refuses it just now; nothing is damaged, and it may be asked again."""


def leaves(error: BaseException) -> Iterator[BaseException]:
    """The exceptions in a group, and in the groups in it; else the exception itself."""
    if isinstance(error, BaseExceptionGroup):
        for inner in error.exceptions:
            yield from leaves(inner)
    else:
        yield error
