"""Owns what one replica at a time does for one bucket of the store: read, tell, seal, time, forget.

A store in one part has one bucket. In a cluster each has a lease of its own, so replicas may share
the work; what goes to Slack goes through the one messenger and its pace all the same.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass

from gate import Approval, Desk, LoggedEvent
from stores import Bucket, Store

from .answer_reader import READER as ANSWERS
from .answer_reader import AnswerReader
from .answering import PrivateAnswers
from .archive import Archive
from .audit import Sealer
from .crowding import Crowding
from .deadlines import INTERVAL, Deadlines
from .directory import Directory
from .keyring import Keyring
from .leadership import LEASE_SECONDS, Leadership
from .messenger import Messenger
from .notifier import PATROL_SECONDS, READER, Notifier
from .pacing import Paces
from .retention import Retention
from .settings import Settings
from .slack.app import CONNECTIONS
from .story import Rendering, Story

__all__ = ["BucketWork", "Means", "Tuning"]


@dataclass(frozen=True)
class Tuning:
    """Times that tests shorten."""

    lease_seconds: float = LEASE_SECONDS
    deadline_interval: float = INTERVAL
    connections: int = CONNECTIONS
    patrol: float = PATROL_SECONDS
    paces: Paces | None = None
    """How fast messages are sent; by default as Slack takes them."""


@dataclass(frozen=True)
class Means:
    """What the work on all buckets shares.

    Attributes:
        settings: The operator's.
        times: How long things take.
        store: The whole of it.
        desk: Over the whole store.
        messenger: The chat, at its pace.
        rendering: How things look.
        directory: Who is who.
        team: The workspace of the routes' ids.
        holder: This replica's name.
        private: Tells people what came of their answers.
        keyring: Signs what is archived.
        observe: Is shown each event that is read.
    """

    settings: Settings
    times: Tuning
    store: Store
    desk: Desk
    messenger: Messenger
    rendering: Rendering
    directory: Directory
    team: str
    holder: str
    private: PrivateAnswers
    keyring: Keyring
    observe: Callable[[LoggedEvent, Approval | None], None] | None


class BucketWork:
    """The work on one bucket; nothing is done before it leads.

    Args:
        means: What is shared.
        number: Which bucket.
    """

    def __init__(self, means: Means, number: int) -> None:
        settings, store, desk = means.settings, means.store, means.desk
        bucket: Bucket = store.buckets[number]
        several = len(store.buckets) > 1
        # Every reader that notes a position: what one has not read must not be trimmed.
        self._sealer = Sealer(bucket, readers=(READER, ANSWERS))
        self.story = Story(
            desk,
            store,
            messenger=means.messenger,
            rendering=means.rendering,
            routes=settings.routes,
            team=means.team,
            agents=settings.agents,
            directory=means.directory,
            holder=means.holder,
            head=self._sealer.closing_head,
            crowding=Crowding(store, settings.bounds),
        )
        folder = settings.audit_archive
        self._archive = Archive(
            bucket,
            # Each chain begins at 1: segments of two must not lie in one folder.
            folder / str(number) if folder is not None and several else folder,
            keyring=means.keyring,
            retention=settings.bounds.retention,
            now=store.now,
        )
        self._retention = Retention(bucket)
        self._deadlines = Deadlines(desk, bucket, interval=means.times.deadline_interval)
        self.notifier = Notifier(
            bucket,
            self.story,
            undeliverable_after=settings.undeliverable_after,
            now=time.monotonic,
            pending=bucket,
            patrol=means.times.patrol,
            observe=means.observe,
        )
        self._answers = AnswerReader(bucket, means.private, now=time.monotonic)
        self.leadership = Leadership(
            bucket,
            name=READER,
            holder=means.holder,
            seconds=means.times.lease_seconds,
            bucket=number if several else None,
        )

    @property
    def backlog(self) -> int:
        """How many events are read and not yet told; none where another replica leads."""
        # What was under way when the lease was lost is the other's by now.
        return self.notifier.backlog if self.leadership.leading else 0

    async def run(self) -> None:
        """Do the work whenever the lease is ours, until cancelled."""
        await self.leadership.lead(self._lead)

    async def wind_up(self, *, patience: float) -> None:
        """Begin nothing further; return when what is under way is sent and noted.

        Args:
            patience: Seconds to wait.
        """
        await asyncio.gather(
            self.notifier.wind_up(patience=patience), self._answers.wind_up(patience=patience)
        )

    async def _lead(self, fence: int) -> None:
        async with asyncio.TaskGroup() as group:
            group.create_task(self.notifier.run(fence), name="notifier")
            group.create_task(self._answers.run(), name="answers")
            group.create_task(self._sealer.run(), name="sealer")
            group.create_task(self._deadlines.run(), name="deadlines")
            group.create_task(self._retention.run(), name="retention")
            group.create_task(self._archive.run(), name="archive")
