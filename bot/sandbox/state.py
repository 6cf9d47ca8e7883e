"""The living workspace: every change goes through here, gets an id and wakes who waits."""

from __future__ import annotations

import asyncio
import random
from collections import deque
from collections.abc import Coroutine
from typing import Any

from .clock import Clock
from .elements import elements_of
from .faults import Faults
from .rate_limits import RateMeter
from .records import (
    ApiRequest,
    Delivery,
    Mark,
    Message,
    ResponseUrl,
    StoredFile,
    Trigger,
    View,
)
from .wire import Json
from .workspace import Channel, User, UserGroup, Workspace

LOG_LENGTH = 1000
RECORDS_KEPT = 10_000
_ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"


class Ids:
    """Ids in Slack's shapes, reproducible from a seed."""

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)  # noqa: S311 - reproducible ids, no secrets
        self._count = 0

    def count(self) -> int:
        """The next number of the log."""
        self._count += 1
        return self._count

    def word(self, length: int) -> str:
        """Capital letters and digits."""
        return "".join(self._random.choices(_ALPHABET, k=length))

    def hex(self, length: int) -> str:
        """Hexadecimal digits."""
        return "".join(self._random.choices("0123456789abcdef", k=length))

    def trigger(self, now: float) -> str:
        """A trigger id."""
        number = self._random.randrange(10**12, 10**13)
        return f"{int(now * 1000)}.{number}.{self.hex(32)}"

    def envelope(self) -> str:
        """A UUID for a Socket Mode envelope."""
        digits = self.hex(32)
        return "-".join((digits[:8], digits[8:12], digits[12:16], digits[16:20], digits[20:]))


class World:
    """State of one sandbox.

    Args:
        workspace: The seed; it is used in place and changes with the sandbox.
        clock: The sandbox's time.
        seed: Seed of all generated ids.
    """

    def __init__(self, workspace: Workspace, *, clock: Clock, seed: int = 0) -> None:
        self.workspace = workspace
        self.app = workspace.app
        self.clock = clock
        self.ids = Ids(seed)
        self.started = int(clock.now())
        self.users: dict[str, User] = {user.id: user for user in workspace.users}
        self.channels: dict[str, Channel] = {item.id: item for item in workspace.channels}
        self.usergroups: dict[str, UserGroup] = {item.id: item for item in workspace.usergroups}
        self.messages: dict[str, list[Message]] = {}
        self.ephemerals: list[Message] = []
        self.modals: dict[str, list[View]] = {}
        self.homes: dict[str, View] = {}
        self.triggers: dict[str, Trigger] = {}
        self.response_urls: dict[str, ResponseUrl] = {}
        self.marks: list[Mark] = []
        self.requests: deque[ApiRequest] = deque(maxlen=LOG_LENGTH)
        self.deliveries: deque[Delivery] = deque(maxlen=LOG_LENGTH)
        self.files: dict[str, StoredFile] = {}
        self.faults = Faults()
        self.meter: RateMeter | None = None
        self.away: str | None = None
        self.version = 0
        self._closed = asyncio.Event()
        self._micros = 0
        self._changed = asyncio.Event()

    def touch(self) -> None:
        """Count one change and wake everyone who waits for one."""
        self.version += 1
        woken, self._changed = self._changed, asyncio.Event()
        woken.set()

    @property
    def closing(self) -> bool:
        """Whether the sandbox is being closed."""
        return self._closed.is_set()

    def close(self) -> None:
        """Let all waiters return: the sandbox is closing."""
        self._closed.set()
        self.touch()

    async def unless_closed(self, work: Coroutine[Any, Any, object]) -> None:
        """Wait for `work`, but give it up when the sandbox closes."""
        tasks = [asyncio.ensure_future(work), asyncio.ensure_future(self._closed.wait())]
        try:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def wait_beyond(self, version: int, timeout: float) -> None:
        """Return when there was a change after `version`, or after `timeout` seconds."""
        try:
            async with asyncio.timeout(timeout):
                while self.version <= version and not self.closing:
                    await self._changed.wait()
        except TimeoutError:
            return

    def new_ts(self) -> str:
        """A message timestamp: unique and increasing, also while the clock stands still."""
        self._micros = max(self._micros + 1, int(self.clock.now() * 1_000_000))
        return f"{self._micros // 1_000_000}.{self._micros % 1_000_000:06d}"

    def new_hash(self) -> str:
        """A view hash."""
        return f"{int(self.clock.now())}.{self.ids.hex(8)}"

    def new_trigger(self, user: str) -> str:
        """A fresh trigger id for something `user` did."""
        trigger_id = self.ids.trigger(self.clock.now())
        self.triggers[trigger_id] = Trigger(user, self.clock.patience())
        forget_oldest(self.triggers)
        return trigger_id

    def find(self, channel: str, ts: str) -> Message | None:
        """A message that everyone in the channel sees."""
        for message in self.messages.get(channel, []):
            if message.ts == ts and not message.tombstone:
                return message
        return None

    def find_ephemeral(self, user: str, ts: str) -> Message | None:
        """A message that only `user` sees."""
        for message in self.ephemerals:
            if message.ts == ts and message.ephemeral_to == user:
                return message
        return None

    def view(self, view_id: str) -> View | None:
        """An open modal or a published home."""
        for stack in self.modals.values():
            for view in stack:
                if view.id == view_id:
                    return view
        return next((home for home in self.homes.values() if home.id == view_id), None)

    def view_by_external_id(self, external_id: str) -> View | None:
        """An open modal or home by the id its app gave it."""
        candidates = [view for stack in self.modals.values() for view in stack]
        for view in (*candidates, *self.homes.values()):
            if view.definition.get("external_id") == external_id:
                return view
        return None

    def view_wire(self, view: View) -> Json:
        """A view as JSON."""
        return view.wire(team_id=self.workspace.team_id, app_id=self.app.id, bot_id=self.app.bot_id)

    def user_wire(self, user: User) -> Json:
        """A user as JSON, with the email only if the app may read it."""
        return user.wire(with_email="users:read.email" in self.app.scopes, updated=self.started)

    def channel_wire(self, channel: Channel) -> Json:
        """A conversation as JSON."""
        return channel.wire(
            bot_user_id=self.app.bot_user_id,
            team_id=self.workspace.team_id,
            created=self.started,
        )

    def direct(self, user: str) -> Channel:
        """The direct message between the bot and `user`, opened if need be."""
        for channel in self.channels.values():
            if channel.is_im and user in channel.members:
                return channel
        channel = Channel(
            f"D{user.lstrip('UW')}", "", [user, self.app.bot_user_id], is_private=True, is_im=True
        )
        self.channels[channel.id] = channel
        self.touch()
        return channel

    def group_direct(self, users: list[str]) -> Channel:
        """The group direct message of the bot and `users`, opened if need be."""
        members = {*users, self.app.bot_user_id}
        for channel in self.channels.values():
            if channel.is_mpim and set(channel.members) == members:
                return channel
        name = "mpdm-" + "--".join(self.users[user].name for user in users) + "-1"
        channel = Channel(
            f"G{self.ids.word(9)}", name, sorted(members), is_private=True, is_mpim=True
        )
        self.channels[channel.id] = channel
        self.touch()
        return channel

    def completed(self, blocks: list[Json]) -> list[Json]:
        """Blocks as Slack stores them: ids filled in, text flags written out."""
        done = [_with_text_flags(block) for block in blocks]
        for block in done:
            if not block.get("block_id"):
                block["block_id"] = self.ids.word(5)
        for _, element in elements_of(done):
            if not element.get("action_id"):
                element["action_id"] = self.ids.word(5)
        return done

    def message_wire(self, message: Message, *, all_metadata: bool = True) -> Json:
        """A message as the Web API and the payloads show it."""
        workspace = self.workspace
        if message.tombstone:
            wire: Json = {
                "type": "message",
                "subtype": "tombstone",
                "text": "This message was deleted.",
                "user": "USLACKBOT",
                "hidden": True,
                "ts": message.ts,
            }
        else:
            author = self.users.get(message.user)
            wire = {
                "user": message.user,
                "type": "message",
                "ts": message.ts,
                "text": message.text,
                "team": author.team_id if author else workspace.team_id,
            }
            if message.from_bot:
                wire |= {
                    "bot_id": self.app.bot_id,
                    "app_id": self.app.id,
                    "bot_profile": self._bot_profile(),
                }
        if message.blocks:
            wire["blocks"] = message.blocks
        if message.files:
            wire["files"] = [
                self.file_wire(self.files[item]) for item in message.files if item in self.files
            ]
        if message.thread_ts:
            wire["thread_ts"] = message.thread_ts
            if message.thread_ts != message.ts:
                wire["parent_user_id"] = self._author(message.channel, message.thread_ts)
        if message.edited:
            wire["edited"] = message.edited
        if message.metadata:
            kind = {"event_type": message.metadata["event_type"]}
            wire["metadata"] = message.metadata if all_metadata else kind
        replies = self.replies(message.channel, message.ts)
        if replies:
            wire |= {
                "thread_ts": message.ts,
                "reply_count": len(replies),
                "reply_users_count": len({reply.user for reply in replies}),
                "latest_reply": replies[-1].ts,
                "reply_users": list(dict.fromkeys(reply.user for reply in replies)),
                "is_locked": False,
                "subscribed": False,
            }
        return wire

    def file_wire(self, file: StoredFile) -> Json:
        """A file as JSON."""
        return file.wire(
            team_id=self.workspace.team_id,
            app=self.app,
            base=f"https://{self.workspace.team_domain}.slack.com",
        )

    def replies(self, channel: str, ts: str) -> list[Message]:
        """The replies in a thread, without its parent, oldest first."""
        return [
            message
            for message in self.messages.get(channel, [])
            if message.thread_ts == ts and message.ts != ts and not message.tombstone
        ]

    def _author(self, channel: str, ts: str) -> str:
        parent = self.find(channel, ts)
        return parent.user if parent else ""

    def _bot_profile(self) -> Json:
        return {
            "id": self.app.bot_id,
            "app_id": self.app.id,
            "user_id": self.app.bot_user_id,
            "name": self.app.name,
            "icons": {},
            "deleted": False,
            "updated": self.started,
            "team_id": self.workspace.team_id,
        }

    def post(self, message: Message) -> Message:
        """Store a message."""
        self.messages.setdefault(message.channel, []).append(message)
        self.touch()
        return message

    def delete(self, message: Message) -> None:
        """Remove a message; a thread's parent leaves a tombstone."""
        if self.replies(message.channel, message.ts):
            message.tombstone = True
            message.blocks, message.metadata = [], None
        else:
            self.messages[message.channel].remove(message)
        self.touch()

    def set_mark(self, mark: Mark) -> None:
        """Replace what `mark.user` sees at the controls of one message or view."""
        self.clear_marks(mark.user, channel=mark.channel, ts=mark.ts, view_id=mark.view_id)
        self.marks.append(mark)
        self.touch()

    def clear_marks(
        self, user: str, *, channel: str | None, ts: str | None, view_id: str | None
    ) -> None:
        """Remove a person's spinner or error sign at one message or view."""
        place = (user, channel, ts, view_id)
        self.marks = [
            mark for mark in self.marks if (mark.user, mark.channel, mark.ts, mark.view_id) != place
        ]
        self.touch()


def forget_oldest(records: dict[str, Any]) -> None:
    """Keep a sandbox that runs for days from growing without end."""
    while len(records) > RECORDS_KEPT:
        del records[next(iter(records))]


def _with_text_flags(value: Any) -> Any:
    if isinstance(value, list):
        return [_with_text_flags(item) for item in value]
    if not isinstance(value, dict):
        return value
    copy = {key: _with_text_flags(item) for key, item in value.items()}
    if isinstance(copy.get("text"), str):
        if copy.get("type") == "plain_text":
            copy.setdefault("emoji", True)
        elif copy.get("type") == "mrkdwn":
            copy.setdefault("verbatim", False)
    return copy
