"""The connection of a driver to the control API."""

from __future__ import annotations

from types import TracebackType
from typing import Any, Self

import aiohttp

from .snapshot import Delivered, SandboxRefusal
from .wire import Json


class Caller:
    """Posts verbs to a sandbox.

    Args:
        url: The sandbox's `http://host:port`.
        session: An HTTP client to use; by default an own one, closed at the end of the block.
    """

    def __init__(self, url: str, *, session: aiohttp.ClientSession | None = None) -> None:
        self.url = url.rstrip("/")
        self._session = session
        self._owned = session is None

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """Close the HTTP client if it is our own."""
        if self._owned and self._session is not None:
            await self._session.close()
            self._session = None

    @property
    def session(self) -> aiohttp.ClientSession:
        """The HTTP client."""
        if self._session is None:
            self._session = aiohttp.ClientSession()
        return self._session

    async def post(self, verb: str, **body: Any) -> Json:
        """Post one verb, without the fields that are None; returns the answer.

        Raises:
            SandboxRefusal: the sandbox did not do it.
        """
        sent = {key: value for key, value in body.items() if value is not None}
        async with self.session.post(f"{self.url}/sandbox/{verb}", json=sent) as response:
            answer: Json = await response.json()
        if not answer.get("ok"):
            raise SandboxRefusal(answer)
        return answer

    async def delivered(self, verb: str, **body: Any) -> Delivered:
        """Post one verb that makes a delivery."""
        return Delivered.of((await self.post(verb, **body))["delivery"])
