"""The pace: as fast as the chat takes it, in order, and nobody waits for another's backlog."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from datetime import UTC, datetime
from typing import Any

import pytest

from bot.messenger import DeliveryFailed, Mark, Message, Posted
from bot.pacing import Bucket, Pace, PacedMessenger, Paces
from gate import sleep
from gate.testing import FakeClock

HELLO = Message("hello")
PACES = Paces(
    posts=Pace(per_second=1.0, burst=2),
    all_posts=Pace(per_second=100.0, burst=100),
    edits=Pace(per_second=0.5, burst=1),
)


class Sent:
    """A messenger that notes what is sent, and when by the clock."""

    def __init__(self, clock: FakeClock) -> None:
        self.clock = clock
        self.calls: list[tuple[float, str, str]] = []
        self.fail: DeliveryFailed | None = None

    def _note(self, verb: str, where: str) -> None:
        self.calls.append((self.clock.monotonic(), verb, where))
        if self.fail is not None:
            fail, self.fail = self.fail, None
            raise fail

    async def post(
        self, channel: str, message: Message, *, thread: str | None = None, mark: Mark | None = None
    ) -> Posted:
        self._note("post", f"{channel} {message.text}")
        return Posted(channel, "1.1")

    async def update(self, posted: Posted, message: Message) -> None:
        self._note("update", posted.channel)

    async def tell(self, channel: str, person: str, message: Message) -> None:
        self._note("tell", person)

    async def link(self, posted: Posted) -> str | None:
        return "https://chat.example/1"

    async def find(
        self, channel: str, mark: Mark, *, since: datetime, thread: str | None = None
    ) -> list[Posted]:
        return [Posted(channel, "1.1")]

    async def trouble(self, channel: str) -> str | None:
        return "is_archived"

    def times(self, verb: str, where: str = "") -> list[float]:
        return [at for at, what, to in self.calls if what == verb and where in to]


class Lab:
    """A paced messenger in a time of its own."""

    def __init__(self, paces: Paces = PACES) -> None:
        self.clock = FakeClock()
        self.sent = Sent(self.clock)
        self.paced = PacedMessenger(
            self.sent,
            now=self.clock.monotonic,
            paces=paces,
            sleep=lambda seconds: sleep(self.clock, seconds),
        )
        self.tasks: list[asyncio.Task[Any]] = []

    def start(self, *work: Awaitable[Any]) -> None:
        self.tasks += [asyncio.ensure_future(each) for each in work]

    async def end(self) -> list[Any]:
        return await asyncio.gather(*self.tasks, return_exceptions=True)


async def test_a_burst_then_the_pace():
    """The first ones go at once, the others one by one, in the order of the calls."""
    lab = Lab()
    lab.start(*(lab.paced.post("C1", Message(f"m{number}")) for number in range(5)))
    await lab.clock.advance(10)
    assert [0, 0, 1, 2, 3] == lab.sent.times("post")
    assert [f"C1 m{number}" for number in range(5)] == [to for _, _, to in lab.sent.calls]
    await lab.end()


async def test_a_burst_comes_back():
    """After a rest the whole burst is there again, and not more."""
    lab = Lab()
    for _ in range(2):
        lab.start(*(lab.paced.post("C1", HELLO) for _ in range(3)))
        await lab.clock.advance(100)
    assert [0, 0, 1, 100, 100, 101] == lab.sent.times("post")
    await lab.end()


async def test_nobody_else_waits_for_a_busy_channel():
    """Other channels, private answers and edits go at once beside a backlog of a hundred."""
    lab = Lab()
    lab.start(*(lab.paced.post("C1", HELLO) for _ in range(100)))
    await lab.clock.advance(5)
    lab.start(
        lab.paced.post("C2", HELLO),
        lab.paced.tell("C1", "UANA", HELLO),
        lab.paced.update(Posted("C1", "1.1"), HELLO),
    )
    await lab.clock.advance(0)
    assert ([5], [5], [5]) == (
        lab.sent.times("post", "C2"),
        lab.sent.times("tell"),
        lab.sent.times("update"),
    )
    await lab.clock.advance(100)
    await lab.end()


async def test_edits_have_a_pace_of_their_own():
    """Edits are limited for the workspace, whatever the channel."""
    lab = Lab()
    lab.start(*(lab.paced.update(Posted(f"C{number}", "1.1"), HELLO) for number in range(3)))
    await lab.clock.advance(10)
    assert [0, 2, 4] == lab.sent.times("update")
    await lab.end()


async def test_the_workspace_has_a_pace_too():
    """Many channels together stay within what a workspace takes; each keeps its own pace."""
    lab = Lab(Paces(posts=Pace(1.0, 1), all_posts=Pace(2.0, 1), edits=Pace(1.0, 1)))
    lab.start(*(lab.paced.post(f"C{number}", HELLO) for number in range(4)))
    await lab.clock.advance(10)
    assert [0, 0.5, 1, 1.5] == lab.sent.times("post")
    await lab.end()


@pytest.mark.parametrize("verb", ["post", "update"])
async def test_the_chats_own_pause_holds_up_those_who_wait_already(verb: str):
    """After a 429 nothing more of the kind goes before the time that Slack has named."""
    lab = Lab(Paces(posts=Pace(1.0, 1), all_posts=PACES.all_posts, edits=Pace(1.0, 1)))
    lab.sent.fail = DeliveryFailed("ratelimited", retry_after=7)
    calls = {
        "post": lambda: lab.paced.post("C1", HELLO),
        "update": lambda: lab.paced.update(Posted("C1", "1.1"), HELLO),
    }
    lab.start(*(calls[verb]() for _ in range(3)))
    lab.start(lab.paced.post("C2", HELLO))
    await lab.clock.advance(20)
    assert [0, 7, 7] == lab.sent.times(verb, "C1")[:3]
    assert [0] == lab.sent.times("post", "C2")
    [failed, *_] = await lab.end()
    assert isinstance(failed, DeliveryFailed)


async def test_looking_is_not_paced():
    """What only reads passes through, with what it returns."""
    lab = Lab()
    mark = Mark("card", "x", "n", "card")
    assert "https://chat.example/1" == await lab.paced.link(Posted("C1", "1.1"))
    assert [Posted("C1", "1.1")] == await lab.paced.find(
        "C1", mark, since=datetime(2026, 1, 1, tzinfo=UTC)
    )
    assert "is_archived" == await lab.paced.trouble("C1")


async def test_channels_at_rest_are_forgotten():
    """Direct messages to ever new people do not fill the memory."""
    lab = Lab(Paces(posts=Pace(1.0, 2), all_posts=Pace(1e6, 10_000), edits=Pace(1.0, 1)))
    for number in range(1001):
        await lab.paced.post(f"U{number}", HELLO)
    await lab.clock.advance(10)
    await lab.paced.post("C1", HELLO)
    assert len(lab.paced._posts) <= 2


@pytest.mark.parametrize(("per_second", "burst"), [(0.0, 1), (-1.0, 1), (1.0, 0)])
def test_a_pace_that_lets_nothing_through(per_second: float, burst: int):
    """A pace that would stop everything is refused where it is made."""
    with pytest.raises(ValueError, match="something"):
        Pace(per_second, burst)


def test_a_faster_chat():
    """For a chat with shorter seconds every pace is as much faster; bursts stay."""
    faster = Paces().faster(100)
    assert (100.0, 3) == (faster.posts.per_second, faster.posts.burst)
    assert (80.0, 400.0) == (faster.edits.per_second, faster.all_posts.per_second)
    assert Bucket(faster.posts, now=lambda: 0.0).at_rest
