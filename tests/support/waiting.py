"""Waiting for a described condition instead of sleeping."""

from __future__ import annotations

import asyncio
import inspect
import time
from collections.abc import Awaitable, Callable
from typing import TypeVar

T = TypeVar("T")


async def wait_until(
    predicate: Callable[[], object | Awaitable[object]],
    description: str,
    timeout: float = 30,
) -> None:
    """Return as soon as `predicate` is true.

    Args:
        predicate: Called every 5 ms; may be async.
        description: What is waited for, for the failure message.
        timeout: Seconds.

    Raises:
        AssertionError: it did not become true in time.
    """
    end = time.monotonic() + timeout
    while True:
        result = predicate()
        if inspect.isawaitable(result):
            result = await result
        if result:
            return
        if time.monotonic() >= end:
            raise AssertionError(f"waited {timeout:g} s in vain for: {description}")
        await asyncio.sleep(0.005)


def wait_now(look: Callable[[], T], description: str, timeout: float = 20) -> T:
    """Do the same where there is no event loop, and return what *look* found.

    Args:
        look: Called every 5 ms until what it returns is true.
        description: What is waited for, for the failure message.
        timeout: Seconds.

    Raises:
        AssertionError: nothing was found in time.
    """
    end = time.monotonic() + timeout
    while not (found := look()):
        if time.monotonic() >= end:
            raise AssertionError(f"waited {timeout:g} s in vain for: {description}")
        time.sleep(0.005)
    return found
