"""Receives HTTP requests, and answers each when every event of its body has its end.

request -> who sends? -> body, inflated -> waits to be taken -> taken -> every event has its end -> response
             401          400 408 413 415     429                          (the sender waits)         2xx

429     as many requests, or bytes of bodies, wait as may; or nothing was taken for 10 seconds: nothing was done
503     the pipeline is stopping: nothing was done
500     the engine refused the body; 400 if it breaks its own framing
"""

from __future__ import annotations

import asyncio
import hmac
import logging
import os
import zlib
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from aiohttp import web
from aiohttp.http_exceptions import HttpProcessingError

from pipeline.batch import Batch, Origin
from pipeline.sockets.inbox import Inbox
from pipeline.sockets.listening import Complaints, Listener, Place, plain_address

log = logging.getLogger("apex.input.http")

BODY_BYTES = 256 << 20
"""Bytes of bodies that are received and not taken, of all requests; above it no other body is read on."""
BLOCKED = 10.0
"""Seconds that a body waits to be taken; then its sender is told to come back, as by Logstash."""
_RETRY_AFTER = "1"
_STEP = 1 << 20
"""Bytes inflated before the loop goes on with its other work."""
_FAREWELL = 5.0
_WINDOWS = {"gzip": 31, "x-gzip": 31, "deflate": 15}
"""What zlib is told of the format, by its name in Content-Encoding."""

Describe = Callable[[web.BaseRequest], Origin]
"""What the origin says of a request, besides the sender's address."""


@dataclass(frozen=True, slots=True)
class Rules:
    """What requests are held to, and how they are answered."""

    longest: int
    """Bytes of a body, inflated."""
    most: int
    """Requests that may wait to be taken."""
    token: str | None
    """What the header Authorization must say; None: nothing."""
    status: int = 200
    headers: Mapping[str, str] | None = None
    inactivity: float = 60.0
    """Seconds in which a client must send something of a request it has begun, or begin one."""


class Refusal(Exception):
    """A request that is answered with an error."""

    def __init__(self, status: int, why: str, **headers: str) -> None:
        super().__init__(why)
        self.status = status
        self.headers = headers


class Waiting(NamedTuple):
    """A request between the loop and the worker."""

    taken: asyncio.Future[None]
    ended: asyncio.Future[Exception | None]


class Requests:
    """The server of an input that answers after delivery."""

    def __init__(self, place: Place, rules: Rules, describe: Describe) -> None:
        self.inbox = Inbox(BODY_BYTES)
        self.listening = asyncio.Event()
        self.listener = Listener(place, self._serve, lambda: len(self._server.connections) if self._server else 0)
        self._rules = rules
        self._describe = describe
        self._server: web.Server | None = None
        self._stopping = False
        self._bodies = 0
        """Bytes of bodies that are being received."""
        self._unanswered: set[asyncio.Future[Exception | None]] = set()

    async def batches(self) -> AsyncIterator[Batch]:
        """The bodies, as they arrive; ends when `stop` was called and those here are taken."""
        if not self._stopping:
            self._server = web.Server(
                self._handle,
                access_log=None,
                logger=_Told(log, self.listener.complaints),
                auto_decompress=False,
                keepalive_timeout=self._rules.inactivity,
                lingering_time=1.0,
            )
            await self.listener.start()
            self.listening.set()
        try:
            async for batch in self.inbox.batches():
                yield batch
        finally:
            self.stop()

    def _serve(self, peer: str) -> asyncio.Protocol:
        assert self._server is not None
        return self._server()

    def renew(self, fresh: Requests) -> None:
        """Takes over another's certificates and keys, for the connections to come."""
        self.listener.place = self.listener.place.renewed(fresh.listener.place)

    def stop(self) -> None:
        """Takes no more: connections are accepted no more, and requests on those that stand are answered 503."""
        self._stopping = True
        self.listener.stop()
        self.inbox.close()

    async def close(self) -> None:
        """Closes the connections, after the answers that are due; what has no end by now is answered 503."""
        self.stop()
        await self.listener.stopped()
        for ended in tuple(self._unanswered):
            if not ended.done():
                ended.set_result(Refusal(503, "the pipeline was stopped before this was delivered"))
        if self._server is not None:
            self._server.pre_shutdown()
            await self._server.shutdown(_FAREWELL)

    # ------------------------------------------------------------------------------------ one request

    async def _handle(self, request: web.BaseRequest) -> web.StreamResponse:
        try:
            body = await self._received(request)
            await self._delivered(request, body)
        except Refusal as refusal:
            whose = "http" if refusal.status in (429, 503) else request.remote or "somebody"
            self.listener.complaints.say(whose, f"a request was refused ({refusal.status}): {refusal}")
            return web.Response(status=refusal.status, text=f"{refusal}\n", headers=refusal.headers)
        status = self._rules.status
        headers = {"Content-Type": "text/plain", **(self._rules.headers or {})}
        if status == 204:
            del headers["Content-Type"]
            return web.Response(status=status, headers=headers)
        return web.Response(status=status, body=b"ok", headers=headers)

    async def _received(self, request: web.BaseRequest) -> bytes:
        """The body of a request that may be taken; nothing of it is read before that is known."""
        self._admit()
        if not authorised(request.headers.get("Authorization"), self._rules.token):
            raise Refusal(401, "user or password is missing or wrong", **_CHALLENGE)
        if (request.content_length or 0) > self._rules.longest:
            raise self._too_long()
        encoding = request.headers.get("Content-Encoding", "identity").strip().lower()
        if encoding not in _WINDOWS and encoding != "identity":
            raise Refusal(415, "no body in this encoding is read; send gzip, deflate, or the body as it is")
        if request.headers.get("Expect", "").lower() == "100-continue":
            await request.writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
            request.writer.output_size = 0
        own = _Body(self, inflater(encoding))
        try:
            while chunk := await self._chunk(request):
                await own.add(chunk)
            return in_utf8(own.whole(), request.charset)
        finally:
            self._bodies -= own.size

    async def _chunk(self, request: web.BaseRequest) -> bytes:
        try:
            async with asyncio.timeout(self._rules.inactivity):
                return await request.content.readany()
        except TimeoutError:
            raise Refusal(408, f"nothing of the body came for {self._rules.inactivity:g} seconds") from None
        except web.RequestPayloadError as error:
            raise Refusal(400, f"the body is broken: {error}") from None
        except ConnectionError:  # nobody reads the answer
            raise Refusal(400, "the client was gone before its body was whole") from None

    def hold(self, size: int, more: int) -> None:
        """Counts what a body that has so many bytes gets more; raises `Refusal` where that is too much."""
        if size + more > self._rules.longest:
            raise self._too_long()
        self._bodies += more
        if self._bodies + self.inbox.bytes > BODY_BYTES and self._bodies > size + more:
            self._bodies -= more
            raise Refusal(429, "too many bodies at a time", **_LATER)

    def _admit(self) -> None:
        if self._stopping:
            raise Refusal(503, "the pipeline is stopping", **_LATER)
        if len(self.inbox) >= self._rules.most or self.inbox.full:
            raise Refusal(429, "too many requests wait", **_LATER)

    def _too_long(self) -> Refusal:
        return Refusal(413, f"the body is longer than {self._rules.longest} bytes (max_content_length)")

    async def _delivered(self, request: web.BaseRequest, body: bytes) -> None:
        """Returns when every event of the body has its end; raises `Refusal` where nothing of it was taken."""
        self._admit()
        loop = asyncio.get_running_loop()
        waiting = Waiting(loop.create_future(), loop.create_future())
        origin = {"id": os.urandom(16).hex(), "peer": plain_address(request.remote or ""), **self._describe(request)}
        batch = Batch(
            body, origin, lambda events: _settle(waiting.ended, None), lambda error: _settle(waiting.ended, error)
        )

        def take() -> Batch:
            _settle(waiting.taken, None)
            return batch

        self.inbox.put(take, len(body))
        self._unanswered.add(waiting.ended)
        try:
            either: set[asyncio.Future[Any]] = {waiting.taken, waiting.ended}
            await asyncio.wait(either, timeout=BLOCKED, return_when=asyncio.FIRST_COMPLETED)
            if not waiting.taken.done() and not waiting.ended.done() and self.inbox.withdraw(take):
                raise Refusal(429, "outputs have stalled", **_LATER)
            error = await waiting.ended
        finally:
            self._unanswered.discard(waiting.ended)
        if isinstance(error, Refusal):
            raise error
        if error is not None:
            raise Refusal(400, f"the body cannot be read: {error}")


class _Told(logging.LoggerAdapter[logging.Logger]):
    """What aiohttp logs. What is no HTTP is the client's fault: a line, not again within a minute, and no traceback."""

    def __init__(self, logger: logging.Logger, complaints: Complaints) -> None:
        super().__init__(logger, {})
        self._complaints = complaints

    def exception(self, msg: object, *args: object, exc_info: Any = True, **more: Any) -> None:
        """aiohttp says everything with it; its arguments are the client's address."""
        if isinstance(exc_info, HttpProcessingError):
            why = exc_info.message.partition("\n")[0].rstrip(":") or type(exc_info).__name__
            self._complaints.say(str(args[0]) if args else "somebody", f"no HTTP that is read: {why}")
        else:
            super().exception(msg, *args, exc_info=exc_info, **more)


_LATER = {"Retry-After": _RETRY_AFTER}
_CHALLENGE = {"WWW-Authenticate": 'Basic realm="Logstash HTTP Input"'}


def _settle(future: asyncio.Future[Any], value: Exception | None) -> None:
    if not future.done():
        future.set_result(value)


def authorised(given: str | None, token: str | None) -> bool:
    """Whether the header Authorization says what it must; takes as long whatever it says."""
    return token is None or (given is not None and hmac.compare_digest(given.encode(), token.encode()))


# ---------------------------------------------------------------------------------------------- bodies


def in_utf8(body: bytes, charset: str | None) -> bytes:
    """A body in UTF-8, whatever charset its content type names; as it is where that is not known, as in Logstash."""
    if charset is None or charset.lower() in ("utf-8", "utf8"):
        return body
    try:
        return body.decode(charset, "replace").encode("utf-8", "replace")
    except (LookupError, UnicodeError, ValueError):
        return body


class Inflater:
    """Inflates a body part by part, never more at once than asked for."""

    def __init__(self, window: int) -> None:
        self._window = window
        self._zlib = zlib.decompressobj(window)
        self._rest = b""
        self._begun = False

    def feed(self, data: bytes) -> None:
        """More of the body."""
        self._rest += data

    def next(self, at_most: int) -> bytes:
        """The next bytes, nothing if more must be fed; raises zlib.error."""
        while self._rest:
            if self._zlib.eof:  # gzip may go on with another member
                if self._window == 15:
                    raise zlib.error("bytes behind its end")
                self._zlib = zlib.decompressobj(self._window)
            data = self._rest
            try:
                found = self._zlib.decompress(data, at_most)
            except zlib.error:
                if self._begun or self._window != 15:
                    raise
                self._window = -15  # some send "deflate" without its header
                self._zlib = zlib.decompressobj(self._window)
                found = self._zlib.decompress(data, at_most)
            self._begun = True
            self._rest = self._zlib.unused_data if self._zlib.eof else self._zlib.unconsumed_tail
            if found:
                return found
        return b""

    @property
    def ended(self) -> bool:
        """Whether it is whole."""
        return self._zlib.eof and not self._rest


def inflater(encoding: str) -> Inflater | None:
    """What inflates bodies of an encoding; None for those that are sent as they are."""
    window = _WINDOWS.get(encoding)
    return None if window is None else Inflater(window)


class _Body:
    """What came of a body, within the bounds."""

    def __init__(self, requests: Requests, inflate: Inflater | None) -> None:
        self.size = 0
        self._requests = requests
        self._inflate = inflate
        self._parts: list[bytes] = []

    async def add(self, chunk: bytes) -> None:
        """One chunk, as it came."""
        if self._inflate is None:
            self._keep(chunk)
            return
        self._inflate.feed(chunk)
        try:
            while part := self._inflate.next(_STEP):
                self._keep(part)
                if len(part) == _STEP:
                    await asyncio.sleep(0)
        except zlib.error as error:
            raise Refusal(400, f"the body cannot be inflated: {error}") from None

    def _keep(self, part: bytes) -> None:
        self._requests.hold(self.size, len(part))
        self.size += len(part)
        self._parts.append(part)

    def whole(self) -> bytes:
        """The whole body; raises `Refusal` if it is cut."""
        if self._inflate is not None and self._parts and not self._inflate.ended:
            raise Refusal(400, "the body is cut: what was compressed has no end")
        return b"".join(self._parts)
