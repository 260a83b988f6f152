"""Messages taken from a list, which stay on the server until their batch has its end.

    KEY                              the list, as producers know it (RPUSH)
    KEY:apex-logs                    a set: the names of the lists below
    KEY:apex-logs:CONSUMER:NUMBER    the messages of one batch that is under way
    KEY:apex-logs:CONSUMER           a sign of life of that consumer, which expires

Taking moves messages from the head of the list to a list of the batch, at once (a script); the end of the batch deletes
that. Who finds a list whose consumer gives no sign of life any more puts its messages back to the head of KEY: nothing
is lost with a process, and what was under way comes again, at least once.
"""

from __future__ import annotations

import secrets
from typing import Any, NamedTuple

LEASE = 30.0
"""Seconds after which a consumer that gave no sign of life counts as dead."""

_TAKE = """
local taken = redis.call('LRANGE', KEYS[1], 0, ARGV[1] - 1)
if #taken > 0 then
  redis.call('SET', KEYS[4], '1', 'PX', ARGV[2])
  redis.call('SADD', KEYS[2], KEYS[3])
  for first = 1, #taken, 1000 do
    redis.call('RPUSH', KEYS[3], unpack(taken, first, math.min(first + 999, #taken)))
  end
  redis.call('LTRIM', KEYS[1], #taken, -1)
end
return taken
"""
_END = """
redis.call('DEL', KEYS[2])
redis.call('SREM', KEYS[1], KEYS[2])
"""
_RETURN = """
if redis.call('EXISTS', KEYS[4]) == 1 then return 0 end
local found = redis.call('LRANGE', KEYS[3], 0, -1)
for last = #found, 1, -1 do redis.call('LPUSH', KEYS[1], found[last]) end
redis.call('DEL', KEYS[3])
redis.call('SREM', KEYS[2], KEYS[3])
return #found
"""


class Taken(NamedTuple):
    """The messages of one batch, and the list that holds them on the server."""

    name: str
    messages: list[bytes]


class ListReader:
    """One consumer of a list. Its calls raise what the client raises; nothing is repeated here."""

    def __init__(self, client: Any, key: str, count: int) -> None:
        self._client, self._key, self._count = client, key, count
        self._set = f"{key}:apex-logs"
        self.consumer = f"{self._set}:{secrets.token_hex(8)}"
        self._number = 0
        self._doubtful: list[str] = []
        """Lists of batches that may have been filled by a call that had no answer: put back before the next."""

    async def take(self) -> Taken | None:
        """As many messages as a batch may have; None if there is none."""
        while self._doubtful:
            nobody = f"{self._doubtful[-1]}:nobody"
            await self._client.eval(_RETURN, 4, self._key, self._set, self._doubtful[-1], nobody)
            self._doubtful.pop()
        self._number += 1
        name = f"{self.consumer}:{self._number:012}"
        self._doubtful.append(name)
        keys = (self._key, self._set, name, self.consumer)
        messages = await self._client.eval(_TAKE, len(keys), *keys, self._count, int(LEASE * 1000))
        self._doubtful.pop()
        return Taken(name, messages) if messages else None

    async def end(self, taken: Taken) -> None:
        """The batch has its end."""
        await self._client.eval(_END, 2, self._set, taken.name)

    async def live(self) -> None:
        """A sign of life."""
        await self._client.set(self.consumer, "1", px=int(LEASE * 1000))

    async def recover(self) -> int:
        """Puts back what dead consumers had taken, the latest first; returns how many messages."""
        returned = 0
        for name, consumer in await self._under_way():
            if consumer != self.consumer:
                returned += await self._client.eval(_RETURN, 4, self._key, self._set, name, consumer)
        return returned

    async def leave(self) -> None:
        """Gives back what is still under way, so that it need not wait for the lease."""
        await self._client.delete(self.consumer)
        for name, consumer in await self._under_way():
            if consumer == self.consumer:
                await self._client.eval(_RETURN, 4, self._key, self._set, name, consumer)

    async def _under_way(self) -> list[tuple[str, str]]:
        names = sorted((name.decode() for name in await self._client.smembers(self._set)), reverse=True)
        return [(name, name.rpartition(":")[0]) for name in names]
