"""A real store whose requests a scripted person answers: for examples and documents."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field

import pytest

from gate import ApprovalRequested, Desk, Notary, SigningKey
from stores import open_store
from tests.support.servers import RedisServer, running_server


@dataclass
class Person:
    """Answers every request at once, in the way that is set."""

    answer: str = "approve"
    asked: list[str] = field(default_factory=list)
    key: SigningKey = field(default_factory=SigningKey.generate)

    async def work(self, url: str) -> None:
        """Answer until cancelled."""
        async with open_store(url) as store:
            cursor, notary = "", Notary(self.key, secret=b"s" * 32)
            while True:
                for logged in await store.read(cursor, wait=1.0):
                    cursor = logged.cursor
                    if isinstance(logged.event, ApprovalRequested):
                        self.asked.append(logged.event.name)
                        if self.answer != "none":
                            await Desk(store, notary=notary).decide(
                                logged.event.key, self.answer, approver="cli:ana", note="as agreed"
                            )


@pytest.fixture(scope="module")
def server() -> Iterator[RedisServer]:
    with running_server("valkey") as server:
        yield server


@pytest.fixture
async def person(server: RedisServer, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Person]:
    """A person at an empty store, which is the one that the environment names."""
    server.ask("FLUSHALL")
    monkeypatch.setenv("SIGNOFF_REDIS_URL", server.url)
    person = Person()
    work = asyncio.create_task(person.work(server.url))
    yield person
    work.cancel()
    await asyncio.wait({work})
    assert work.cancelled(), work.exception()
