"""Owns the way of a test that has no event loop to a store."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from stores import Store, open_store

__all__ = ["at"]


def at(url: str, work: Callable[[Store], Any]) -> Any:
    """Do something in the store, in a loop of its own as the command has one."""

    async def run() -> Any:
        async with open_store(url) as store:
            return await work(store)

    return asyncio.run(run())
