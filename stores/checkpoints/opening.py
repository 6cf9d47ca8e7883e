"""Owns the choice of where an agent's own state is kept: from an address, or as `open_store`."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final
from urllib.parse import unquote, urlsplit

from gate import Checkpoints, ConfigError, StepLog

from ..opening import store_address

__all__ = ["open_checkpoints", "open_step_log"]

_SCHEMES: Final = (
    "redis", "rediss", "unix", "redis+sentinel", "rediss+sentinel", "redis+cluster",
    "rediss+cluster", "file", "memory",
)  # fmt: skip


@asynccontextmanager
async def open_checkpoints(
    url: str | None = None,
    *,
    environ: Mapping[str, str] | None = None,
    operation_timeout: float = 2.0,
) -> AsyncIterator[Checkpoints]:
    """Open a place for checkpoints, and close it at the end of the block.

    Args:
        url: What `open_store` takes for a server or a cluster, `file:///folder`, or `memory://` for
            a fresh one in this process. Without it the same server that `open_store` finds.
        environ: Read instead of the process's environment.
        operation_timeout: Seconds for one whole operation on a server, or for a folder's lock.

    Raises:
        ConfigError: No place is named, the address cannot be read, the folder is open to others, or
            the data belongs to another version.
        StoreUnavailable: The server cannot be reached, or refuses us.
    """
    async with store_address(url, environ=environ, schemes=_SCHEMES) as address:
        scheme = urlsplit(address.url).scheme
        if scheme == "memory":
            from .memory import MemoryCheckpoints

            yield MemoryCheckpoints()
        elif scheme == "file":
            from .file import FileCheckpoints

            yield FileCheckpoints(_folder(address.url), lock_timeout=operation_timeout)
        else:
            from .redis import RedisCheckpoints

            async with RedisCheckpoints(
                address.url, operation_timeout=operation_timeout
            ) as checkpoints:
                yield checkpoints


@asynccontextmanager
async def open_step_log(
    url: str | None = None,
    *,
    environ: Mapping[str, str] | None = None,
    operation_timeout: float = 2.0,
) -> AsyncIterator[StepLog]:
    """Open a log of steps, and close it at the end of the block.

    Args:
        url: As for `open_checkpoints`; both may share a folder or a server.
        environ: Read instead of the process's environment.
        operation_timeout: Seconds for one whole operation on a server, or for a folder's lock.

    Raises:
        ConfigError: As for `open_checkpoints`.
        StoreUnavailable: The server cannot be reached, or refuses us.
    """
    async with store_address(url, environ=environ, schemes=_SCHEMES) as address:
        scheme = urlsplit(address.url).scheme
        if scheme == "memory":
            from ..steps import MemoryStepLog

            yield MemoryStepLog()
        elif scheme == "file":
            from ..steps import FileStepLog

            yield FileStepLog(_folder(address.url), lock_timeout=operation_timeout)
        else:
            from ..steps.redis import RedisStepLog

            async with RedisStepLog(address.url, operation_timeout=operation_timeout) as log:
                yield log


def _folder(url: str) -> Path:
    """Return the folder of a `file:` address.

    Raises:
        ConfigError: It names no absolute folder of this machine.
    """
    split = urlsplit(url)
    path = unquote(split.path)
    if split.netloc not in ("", "localhost") or not path.startswith("/") or "\0" in path:
        raise ConfigError("SIGNOFF_REDIS_URL", "a folder is named as file:///absolute/path")
    if split.query or split.fragment:
        raise ConfigError("SIGNOFF_REDIS_URL", "a folder takes no options")
    return Path(path)
