"""An embedded store, asked."""

import asyncio

from pipeline.search import embedded


def ask(folder, work):
    """What a function finds out of the store in a folder."""

    async def asked():
        async with embedded.opened(folder) as store:
            return await work(store)

    return asyncio.run(asked())
