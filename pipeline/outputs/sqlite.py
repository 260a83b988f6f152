"""Write documents to the embedded store: one SQLite file for each index, searched with `apex-logs search`.

    output { sqlite { path => "data" index => "apex-logs-%{+YYYY.MM.dd}" } }

It takes every option of the elasticsearch output, and means the same by index, id and action, so
`apex-logs run --embedded DIR` can build it in that output's place. What concerns a connection changes nothing;
there are no scripts, no versions, no ingest pipelines and no aliases. Where the elasticsearch output would write
to a rollover alias, documents go to an index for each day.

A body is one transaction in each index, on disk (`synchronous=FULL`) before it counts as written. Other processes
may read and write the same store. Index names follow Elasticsearch's rules; a document for another name is
dead-lettered. While the disk is full or a file is locked, the output waits.
"""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Annotated, Any

from pydantic import BeforeValidator, Field

from pipeline.documents import addressing
from pipeline.documents.options import DocumentOptions, ScriptType, Switch, VersionType
from pipeline.errors import ConfigurationError, StoreError, Unavailable
from pipeline.options import Boolean, CodecOption, Ignored, Integer, Refused, Secret, Text, default_codec
from pipeline.plugin import Body, Sent
from pipeline.protocols import bulk
from pipeline.sprintf import Template
from pipeline.store import files, names
from pipeline.store.writer import Operation, Outcome, Writer

_SAME = Field(description="As in the elasticsearch output.")
_NO_SCRIPTS = "the embedded store runs no scripts"
_NO_VERSIONS = Refused("the embedded store keeps no versions; a later document replaces an earlier one")
_NO_ALIASES = Ignored("the embedded store has no aliases: without `index`, documents go to an index for each day")
_NO_SERVER = Ignored("the embedded store is a folder, and needs no server")
Unused = Annotated[Any, _NO_SERVER, _SAME]
UnusedSecret = Annotated[Secret | None, _NO_SERVER, _SAME]


class Options(DocumentOptions):
    """Options of the sqlite output."""

    path: Annotated[
        Path, BeforeValidator(lambda value: Path(str(value))), Field(description="The folder of the store.")
    ] = Path("data")
    codec: Annotated[CodecOption, Ignored("documents are always kept as JSON"), _SAME] = default_codec("plain")

    script: Annotated[Template | None, Refused(_NO_SCRIPTS), _SAME] = None
    scripted_upsert: Annotated[Boolean, Refused(_NO_SCRIPTS), _SAME] = False
    script_type: Annotated[ScriptType, Ignored(_NO_SCRIPTS), _SAME] = "inline"
    script_lang: Annotated[Text, Ignored(_NO_SCRIPTS), _SAME] = "painless"
    script_var_name: Annotated[Text, Ignored(_NO_SCRIPTS), _SAME] = "event"
    version: Annotated[Template | None, _NO_VERSIONS, _SAME] = None
    version_type: Annotated[VersionType | None, _NO_VERSIONS, _SAME] = None
    pipeline: Annotated[Template | None, Ignored("the embedded store has no ingest pipelines"), _SAME] = None
    routing: Annotated[Template | None, Ignored("an index is one file"), _SAME] = None
    retry_on_conflict: Annotated[Integer, Ignored("updates do not conflict here"), _SAME] = 1
    ilm_enabled: Annotated[Switch, _NO_ALIASES, _SAME] = "auto"
    ilm_rollover_alias: Annotated[Text | None, _NO_ALIASES, _SAME] = None
    ilm_pattern: Annotated[Text, _NO_ALIASES, _SAME] = "{now/d}-000001"
    ilm_policy: Annotated[Text, _NO_ALIASES, _SAME] = "logstash-policy"

    hosts: Unused = None
    cloud_id: Unused = None
    bulk_path: Unused = None
    parameters: Unused = None
    custom_headers: Unused = None
    proxy: Unused = None
    user: Unused = None
    password: UnusedSecret = None
    cloud_auth: UnusedSecret = None
    api_key: UnusedSecret = None
    ssl_enabled: Unused = None
    ssl_verification_mode: Unused = None
    ssl_certificate_authorities: Unused = None
    ca_trusted_fingerprint: Unused = None
    ssl_truststore_path: Unused = None
    ssl_truststore_password: UnusedSecret = None
    ssl_truststore_type: Unused = None
    ssl_certificate: Unused = None
    ssl_key: Unused = None
    ssl_keystore_path: Unused = None
    ssl_keystore_password: UnusedSecret = None
    ssl_keystore_type: Unused = None
    ssl_supported_protocols: Unused = None
    ssl_cipher_suites: Unused = None
    ssl: Unused = None
    cacert: Unused = None
    ssl_certificate_verification: Unused = None
    truststore: Unused = None
    truststore_password: UnusedSecret = None
    keystore: Unused = None
    keystore_password: UnusedSecret = None
    compression_level: Unused = None
    http_compression: Unused = None
    timeout: Unused = None
    pool_max: Unused = None
    pool_max_per_route: Unused = None
    resurrect_delay: Unused = None
    healthcheck_path: Unused = None
    validate_after_inactivity: Unused = None
    sniffing: Unused = None
    sniffing_delay: Unused = None
    sniffing_path: Unused = None
    retry_initial_interval: Unused = None
    retry_max_interval: Unused = None
    dlq_custom_codes: Unused = None
    silence_errors_in_log: Unused = None
    failure_type_logging_whitelist: Unused = None
    manage_template: Unused = None
    template: Unused = None
    template_name: Unused = None
    template_overwrite: Unused = None
    template_api: Unused = None


def build(options: Options) -> Sqlite:
    """Makes the output."""
    try:
        files.require_sqlite()
    except StoreError as error:
        raise ConfigurationError([str(error)]) from None
    return Sqlite(options.path, addressing.build(options, aliases=False))


class Sqlite:
    """The embedded store, written to in a thread of its own: the loop never waits for the disk."""

    def __init__(self, path: Path, address: addressing.Addressing) -> None:
        self.path = path
        self.render = address.render
        self.ordered = address.ordered
        self._writer = Writer(path)
        self._thread = ThreadPoolExecutor(1, "sqlite")
        self._closed = False

    async def send(self, body: Body) -> Sent:
        """Writes the items, index by index, each in one transaction."""
        return await asyncio.get_running_loop().run_in_executor(self._thread, _write, self._writer, body)

    async def start(self) -> None:
        """Makes the store's folder, so that a search finds a store without hits rather than none."""
        try:
            with files.locked(self.path):
                pass
        except OSError as error:
            raise Unavailable(f"cannot make the embedded store in {self.path}: {error}") from error

    async def close(self) -> None:
        """Closes the files, in the thread that opened them; once is enough."""
        if self._closed:
            return
        self._closed = True
        await asyncio.get_running_loop().run_in_executor(self._thread, self._writer.close)
        self._thread.shutdown()


def _write(writer: Writer, body: Body) -> Sent:
    work, dead = _by_index(body)
    repeated: list[int] = []
    failures: list[tuple[list[int], str]] = []
    for index, (positions, operations) in work.items():
        try:
            outcome: Outcome = writer.write(index, operations)
        except StoreError as error:
            failures.append((positions, str(error)))
        else:
            repeated += [positions[place] for place in outcome.repeated]
            dead += [(positions[place], reason) for place, reason in outcome.dead]
    if failures and len(failures) == len(work):
        raise Unavailable(failures[0][1])
    again = [(position, reason) for positions, reason in failures for position in positions]
    return Sent(again, dead, len(repeated), repeated)


def _by_index(body: Body) -> tuple[dict[str, tuple[list[int], list[Operation]]], list[tuple[int, str]]]:
    """The operations of a body and their positions in it, by index; and the items that are none."""
    work: dict[str, tuple[list[int], list[Operation]]] = {}
    dead: list[tuple[int, str]] = []
    for position in range(len(body)):
        try:
            action, parameters, source = bulk.read(body.item(position))
            index, document_id = parameters["_index"], parameters.get("_id")
            there = work.get(index)
            if there is None:
                problem = names.problem(index)
                if problem is not None:
                    dead.append((position, f"400 {problem}"))
                    continue
                there = work[index] = ([], [])
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            dead.append((position, f"400 this is no item of a bulk request: {error!r}"))
            continue
        there[0].append(position)
        there[1].append(Operation(action, None if document_id is None else str(document_id), source or b""))
    return work, dead
