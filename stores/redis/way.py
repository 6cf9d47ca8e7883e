"""Owns what the verbs of a store see of a connection: scripts, and the contract of a link."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from hashlib import sha1
from typing import Any, Protocol

from gate import Wake

from .resp import Argument

__all__ = ["Script", "Watching", "Way"]


@dataclass(frozen=True)
class Script:
    """A Lua script and its address in the server's cache."""

    name: str
    text: str

    @cached_property
    def sha(self) -> str:
        """Return the name under which the server caches the script."""
        return sha1(self.text.encode(), usedforsecurity=False).hexdigest()

    @cached_property
    def sharded(self) -> Script:
        """Return the same script for a cluster, where a wake-up stays at the node of its slot."""
        return Script(self.name, self.text.replace("'PUBLISH'", "'SPUBLISH'"))


class Way(Protocol):
    """What a store needs of a link: to one server, or to whichever node serves a bucket."""

    timeout: float

    async def run(
        self,
        script: Script,
        keys: Sequence[str],
        arguments: Sequence[Argument],
        *,
        operation: str,
        key: str | None = None,
        replicas: int = 0,
        patience: float | None = None,
    ) -> Any:
        """See `Link.run`."""
        ...

    async def read(
        self, *commands: Sequence[Argument], operation: str, key: str | None = None
    ) -> list[Any]:
        """See `Link.read`."""
        ...

    async def read_blocking(
        self, *commands: Sequence[Argument], operation: str, seconds: float
    ) -> list[Any]:
        """See `Link.read_blocking`."""
        ...


class Watching(Protocol):
    """What a store needs to watch channels: on one server, or at the node of each."""

    async def watch(self, channel: str, wake: Wake) -> Callable[[], None]:
        """See `Subscriptions.watch`."""
        ...

    async def aclose(self) -> None:
        """See `Subscriptions.aclose`."""
        ...
