"""A chat in memory, and stores with faults: what the bot's logic is tested against."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Any, Final

from bot.directory import LookupFailed, Person
from bot.messenger import DeliveryFailed, Mark, Message, Messenger, Posted
from bot.notifier import READER, Notifier
from bot.routing import RouteRule
from bot.slack.render import card, direct, gone, moved, pointer, reply
from bot.slack.seal import Seal
from bot.story import Rendering, Story
from gate import Desk
from stores.memory import MemoryStore
from tests.support.emitted import note_message
from tests.support.waiting import wait_until

TEAM: Final = "T1"
CHANNEL: Final = "C1"
RULE: Final = RouteRule(channel=CHANNEL, approvers=("UANA", "UBEN"))
SEAL: Final = Seal(b"a secret of the tests, of 32 bytes", installation=f"{TEAM} B1")


def rendering(seal: Seal) -> Rendering:
    """Return how things look, with buttons sealed by *seal*."""
    return Rendering(
        card=lambda approval, channel, proof: card(
            approval, stamp=seal.value, place=channel, proof=proof
        ),
        moved=moved,
        reply=reply,
        gone=gone,
        pointer=pointer,
        direct=lambda approval, link, person, proof: direct(
            approval, link, stamp=seal.value, person=person, proof=proof
        ),
    )


RENDERING: Final = rendering(SEAL)


class Crash(BaseException):
    """The process ends here: nothing of ours catches it."""


class Chat:
    """A chat that keeps what it is told, and fails where a test says so.

    `before` and `after` are called with the verb and the number of the call, before and after it
    takes effect; what they raise is what the caller gets.
    """

    def __init__(self) -> None:
        self.calls = 0
        self.messages: dict[str, tuple[str, str | None, Message]] = {}
        self.before: Callable[[str, int], None] = lambda verb, number: None
        self.after: Callable[[str, int], None] = lambda verb, number: None
        self.updates = 0
        self.marks: dict[str, Mark | None] = {}
        self.remembers = False
        """Whether its history may be read."""
        self.looks = 0
        self.troubles: dict[str, str] = {}
        """channel → why it takes nothing, when asked."""
        self.holds: dict[str, asyncio.Event] = {}
        """Channels whose calls wait."""

    async def _call(self, verb: str, channel: str, effect: Callable[[], Any]) -> Any:
        self.calls += 1
        number = self.calls
        self.before(verb, number)
        if channel in self.holds:
            await self.holds[channel].wait()
        await asyncio.sleep(0)
        done = effect()
        self.after(verb, number)
        return done

    async def post(
        self, channel: str, message: Message, *, thread: str | None = None, mark: Mark | None = None
    ) -> Posted:
        note_message(message, where="Chat.post")

        def effect() -> Posted:
            ts = f"{len(self.marks) + 1}.000100"
            self.messages[ts] = (channel, thread, message)
            self.marks[ts] = mark
            return Posted(channel, ts)

        posted: Posted = await self._call("post", channel, effect)
        return posted

    async def update(self, posted: Posted, message: Message) -> None:
        note_message(message, where="Chat.update")

        def effect() -> None:
            if posted.ts not in self.messages:
                raise DeliveryFailed("message_not_found", permanent=True, gone=True)
            self.updates += 1
            channel, thread, _ = self.messages[posted.ts]
            self.messages[posted.ts] = (channel, thread, message)

        await self._call("update", posted.channel, effect)

    async def tell(self, channel: str, person: str, message: Message) -> None:
        note_message(message, where="Chat.tell")
        raise NotImplementedError

    async def link(self, posted: Posted) -> str | None:
        return f"https://chat.example/{posted.ts}"

    async def find(
        self, channel: str, mark: Mark, *, since: datetime, thread: str | None = None
    ) -> list[Posted]:
        self.looks += 1
        return [
            Posted(channel, ts)
            for ts, (where, under, _) in self.messages.items()
            if self.remembers and (where, under, self.marks[ts]) == (channel, thread, mark)
        ]

    async def trouble(self, channel: str) -> str | None:
        return self.troubles.get(channel)

    def cards(self, channel: str = CHANNEL) -> dict[str, str]:
        """Return ts → notification of the messages outside of threads."""
        return {
            ts: message.text
            for ts, (where, thread, message) in self.messages.items()
            if where == channel and thread is None
        }

    def thread(self, ts: str) -> list[str]:
        """Return the texts of the replies to a message, in order."""
        return [message.text for _, thread, message in self.messages.values() if thread == ts]

    def buttons(self, ts: str) -> bool:
        """Say whether a message can be clicked."""
        return any(block["type"] == "actions" for block in self.messages[ts][2].blocks)


class People:
    """A directory: everybody is a live member; groups as given."""

    def __init__(self, **groups: tuple[str, ...]) -> None:
        self.groups = {name: frozenset(users) for name, users in groups.items()}
        self.asked: list[str] = []
        self.away = False
        self.hold: asyncio.Event | None = None

    async def person(self, team: str, user: str) -> Person:
        await self._ask(user)
        return Person(
            team=team,
            id=user,
            name=user,
            live=True,
            human=True,
            member=team == TEAM,
            guest=False,
            teams=frozenset({team}),
        )

    async def members(self, group: str) -> frozenset[str]:
        await self._ask(group)
        if group not in self.groups:
            raise LookupFailed("no_such_subteam")
        return self.groups[group]

    async def _ask(self, what: str) -> None:
        self.asked.append(what)
        if self.hold is not None:
            await self.hold.wait()
        if self.away:
            raise LookupFailed("ratelimited")


class FaultyStore(MemoryStore):
    """A store whose verbs can fail: *fault* is awaited with the verb's name before each."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.fault: Callable[[str], Awaitable[None]] | None = None

    async def _fault(self, verb: str) -> None:
        if self.fault is not None:
            await self.fault(verb)

    async def get(self, key: str) -> Any:
        await self._fault("get")
        return await super().get(key)

    async def now(self) -> datetime:
        await self._fault("now")
        return await super().now()

    async def patch(self, *args: Any, **options: Any) -> Any:
        await self._fault("patch")
        return await super().patch(*args, **options)

    async def append(self, events: Any) -> None:
        await self._fault("append")
        await super().append(events)

    async def read(self, *args: Any, **options: Any) -> Any:
        await self._fault("read")
        return await super().read(*args, **options)

    async def advance(self, *args: Any, **options: Any) -> bool:
        await self._fault("advance")
        return await super().advance(*args, **options)

    async def keep_card(self, key: str, slot: str, note: str, **options: Any) -> bool:
        await self._fault(f"keep {slot.split(' ')[0]} {note.split(' ')[0]}")
        return await super().keep_card(key, slot, note, **options)

    async def hold(self, *args: Any, **options: Any) -> int | None:
        await self._fault("hold")
        return await super().hold(*args, **options)


def story_of(store: MemoryStore, chat: Messenger, **changes: Any) -> Story:
    """Return a story on *store* and *chat*, as one process has it."""
    return Story(
        **{
            "desk": Desk(store),
            "cards": store,
            "messenger": chat,
            "rendering": RENDERING,
            "routes": (RULE,),
            "team": TEAM,
            "directory": People(),
            "holder": "a",
            "patience": 0.2,
        }
        | changes
    )


def notifier_of(store: MemoryStore, story: Story, **changes: Any) -> Notifier:
    """Return a notifier that is in no mood to wait."""
    return Notifier(
        store,
        story,
        **{
            "undeliverable_after": 600.0,
            "now": lambda: 0.0,
            "first_delay": 0.001,
            "idle": 0.005,
        }
        | changes,
    )


async def told(store: MemoryStore) -> bool:
    """Say whether the reader's place is the end of the log."""
    events = await MemoryStore.read(store, "", limit=10_000)
    return not events or await store.position(READER) == events[-1].cursor


async def tell_all(
    store: MemoryStore, notifier: Notifier, *, holder: str = "a", until: Any = None
) -> None:
    """Run *notifier* until all is told, or until *until*; what it raises comes out."""
    fence = await MemoryStore.hold(store, READER, holder, seconds=60)
    assert fence is not None, "another holder has the lease"
    task = asyncio.create_task(notifier.run(fence))

    async def over() -> object:
        found = told(store) if until is None else until()
        return (await found if inspect.isawaitable(found) else found) or task.done()

    try:
        await wait_until(over, "all is told")
    finally:
        task.cancel()
        await asyncio.wait({task})
    if not task.cancelled():
        task.result()
