"""Owns the composition: the only place that names concrete classes and puts the bot together."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from functools import partial
from typing import Final
from urllib.parse import urlsplit

import aiohttp
from aiohttp import web
from slack_bolt.async_app import AsyncApp
from slack_sdk.web.async_client import AsyncWebClient

from gate import Approval, ConfigError, Desk, LoggedEvent, StoreUnavailable, get_logger, new_id
from stores import Store, key_folder, open_store

from .answer_reader import READER as ANSWERS
from .answer_reader import AnswerReader
from .answering import PrivateAnswers, principals_of
from .archive import Archive
from .audit import Sealer
from .background import Background
from .crowding import Crowding
from .deadlines import INTERVAL, Deadlines
from .deciding import Answers
from .directory import CachedDirectory
from .evicting import refuse_eviction
from .inbox import Inboxes
from .keyring import Keyring, open_keyring
from .leadership import LEASE_SECONDS, Leadership
from .masking import Masking
from .messenger import Message
from .metrics import Metrics, metrics_of
from .notifier import PATROL_SECONDS, READER, Notifier
from .pacing import PacedMessenger, Paces
from .proof import Proof
from .refusals import Refusals
from .retention import Retention
from .settings import Settings
from .slack.app import CONNECTIONS, SocketMode, bolt_app
from .slack.client import CountedClient
from .slack.directory import SlackDirectory
from .slack.endpoint import SlackEndpoint
from .slack.handlers import Doors, Handlers
from .slack.messenger import SlackMessenger
from .slack.render import card, direct, moved, notice, pointer, reply
from .slack.seal import Seal
from .slack.workspace import Workspace, check_app_token, look_around
from .story import Rendering, Story
from .web.app import Probe, serve, web_application

__all__ = ["Running", "Tuning", "run_bot"]

_NO_PACE: Final = 10_000.0
_WIND_UP_SECONDS: Final = 7.0
"""For messages under way at a stop; with what the story waits by itself, within the ten seconds
that container runtimes commonly give a stop."""


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
class Running:
    """A bot that is up."""

    workspace: Workspace
    port: int
    leadership: Leadership


@asynccontextmanager
async def run_bot(
    settings: Settings, *, environ: Mapping[str, str], tuning: Tuning | None = None
) -> AsyncIterator[Running]:
    """Run the bot while the block runs.

    Args:
        settings: Checked settings.
        environ: Where the embedded server's folders are looked for.
        tuning: Times, for tests.

    Raises:
        ConfigError: A token, scope, channel, store or address that cannot work, in one sentence.
        StoreUnavailable: The store cannot be reached.
    """
    times = tuning or Tuning()
    async with AsyncExitStack() as stack:
        # The keys first: whoever finds the store living finds them too.
        keyring = open_keyring(key_folder(environ, create=True), create=True)
        address = await _store_address(settings, environ, stack)
        store = await stack.enter_async_context(
            open_store(address, environ=environ, wait_replicas=settings.wait_replicas)
        )
        await refuse_eviction(store, allowed=settings.allow_eviction)
        await store.set_bounds(settings.bounds)
        metrics = metrics_of(store)
        client = await _client(settings, stack, count=metrics.slack_error if metrics else None)
        workspace = await look_around(client, channels=_channels(settings))
        app_token = settings.app_token.get_secret_value() if settings.app_token else None
        if app_token is not None:
            await check_app_token(client, app_token)
        background = Background()
        stack.push_async_callback(background.aclose)

        parts = _Parts(settings, times, store, client, workspace, metrics, background, keyring)
        bolt = parts.bolt()
        probes = {"store": _store_probe(store), "delivery": _delivery(parts.notifier)}
        endpoint = None
        socket = None
        if app_token is not None:
            socket = await stack.enter_async_context(
                SocketMode(bolt, client=client, app_token=app_token, connections=times.connections)
            )
            probes["slack"] = _socket_probe(socket)
        elif settings.signing_secret is not None:
            secret = settings.signing_secret.get_secret_value()
            endpoint = SlackEndpoint(bolt, signing_secret=secret).handle
        application = web_application(
            probes, slack_events=endpoint, metrics=metrics.exposition if metrics else None
        )
        port = await _serve(application, settings, stack)
        works = [parts.leadership.lead(parts.work), parts.handlers.homes.run()]
        works.append(parts.refusals.run())
        if socket is not None:
            works.append(socket.watch())
        async with _beside(*works):
            get_logger("signoff.bot").info(
                "bot.up",
                workspace=workspace.team,
                port=port,
                transport="socket" if app_token else "http",
                routes=len(settings.routes),
                signs_with=keyring.key.public.id,
            )
            try:
                yield Running(workspace, port, parts.leadership)
            finally:
                # With the lease still ours and renewed: who comes next finds nothing half told.
                await asyncio.gather(
                    parts.notifier.wind_up(patience=_WIND_UP_SECONDS),
                    parts.answers.wind_up(patience=_WIND_UP_SECONDS),
                )


class _Parts:
    """The bot's own parts, put together; none of them does anything yet."""

    def __init__(
        self,
        settings: Settings,
        times: Tuning,
        store: Store,
        client: AsyncWebClient,
        workspace: Workspace,
        metrics: Metrics | None,
        background: Background,
        keyring: Keyring,
    ) -> None:
        self._settings = settings
        self._store = store
        self._background = background
        self._client = client
        self._workspace = workspace
        self._directory = CachedDirectory(
            SlackDirectory(client, team=workspace.team), now=time.monotonic
        )
        self._messenger = PacedMessenger(
            SlackMessenger(client, bot_id=workspace.bot_id),
            now=time.monotonic,
            paces=times.paces or _paces(settings.api_url),
        )
        secret = settings.secret.get_secret_value().encode() if settings.secret else keyring.secret
        self.refusals = Refusals(store, answer=self._tell, now=time.monotonic)
        self._desk = Desk(store, notary=keyring.notary(secret), refusals=self.refusals.put)
        self._seal = Seal(secret, installation=f"{workspace.team} {workspace.bot_id}")
        rules = settings.masking
        self._masking = Masking(keys=rules.keys, shapes=rules.shapes, secret=secret)
        holder = new_id()
        # Every reader that notes a position: what one has not read must not be trimmed.
        self._sealer = Sealer(store, readers=(READER, ANSWERS))
        self._story = self._tells(holder)
        self._retention = Retention(store)
        retention = settings.bounds.retention
        self._archive = Archive(
            store, settings.audit_archive, keyring=keyring, retention=retention, now=store.now
        )
        self._deadlines = Deadlines(self._desk, store, interval=times.deadline_interval)
        self.notifier = Notifier(
            store,
            self._story,
            undeliverable_after=settings.undeliverable_after,
            now=time.monotonic,
            pending=store,
            patrol=times.patrol,
            observe=metrics.observe if metrics else None,
        )
        words = partial(notice, masking=self._masking)
        self._private = PrivateAnswers(self._messenger, self._desk, words, self._directory.names)
        self.answers = AnswerReader(store, self._private, now=time.monotonic)
        self.leadership = Leadership(store, name=READER, holder=holder, seconds=times.lease_seconds)
        if metrics is not None:
            # What was under way when the lease was lost is another replica's by now.
            metrics.follow_backlog(lambda: self.notifier.backlog if self.leadership.leading else 0)
        self.handlers = self._listens()

    def bolt(self) -> AsyncApp:
        """Return what takes Slack's requests."""
        secret = self._settings.signing_secret
        return bolt_app(
            self.handlers,
            client=self._client,
            token=self._settings.bot_token.get_secret_value(),
            workspace=self._workspace,
            signing_secret=secret.get_secret_value() if secret else None,
        )

    async def work(self, fence: int) -> None:
        """Do what only one replica does at a time, until cancelled."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self.notifier.run(fence), name="notifier")
            group.create_task(self.answers.run(), name="answers")
            group.create_task(self._sealer.run(), name="sealer")
            group.create_task(self._deadlines.run(), name="deadlines")
            group.create_task(self._retention.run(), name="retention")
            group.create_task(self._archive.run(), name="archive")

    def _tell(self, logged: LoggedEvent) -> None:
        """Tell a person by the way what has no event of its own."""
        self._background.start(self._private.tell(logged), name="private-answer")

    def _rendering(self) -> Rendering:
        stamp, known, masking = self._seal.value, self._directory.names, self._masking

        def to_all(approval: Approval, channel: str, proof: Proof) -> Message:
            return card(approval, stamp=stamp, place=channel, proof=proof, masking=masking)

        def to_one(approval: Approval, link: str | None, person: str, proof: Proof) -> Message:
            names = known(principals_of(approval))
            return direct(
                approval,
                link,
                stamp=stamp,
                person=person,
                proof=proof,
                names=names,
                masking=masking,
            )

        return Rendering(
            card=to_all,
            moved=partial(moved, masking=masking),
            reply=partial(reply, masking=masking),
            pointer=pointer,
            direct=to_one,
        )

    def _tells(self, holder: str) -> Story:
        return Story(
            self._desk,
            self._store,
            messenger=self._messenger,
            rendering=self._rendering(),
            routes=self._settings.routes,
            team=self._workspace.team,
            agents=self._settings.agents,
            directory=self._directory,
            holder=holder,
            head=self._sealer.closing_head,
            crowding=Crowding(self._store, self._settings.bounds),
        )

    def _listens(self) -> Handlers:
        return Handlers(
            Doors(
                answers=Answers(self._desk, directory=self._directory),
                inboxes=Inboxes(self._store, self._directory, reader=READER, flaw=self._desk.flaw),
                directory=self._directory,
                messenger=self._messenger,
                client=self._client,
                seal=self._seal,
                background=self._background,
                now=time.monotonic,
                bot_id=self._workspace.bot_id,
                adopt=self._story.adopt,
                masking=self._masking,
            )
        )


def _channels(settings: Settings) -> list[str]:
    """Return every channel in which something may be asked."""
    rungs = [step.channel for rule in settings.routes for step in rule.ladder]
    return [rule.channel for rule in settings.routes] + [name for name in rungs if name is not None]


async def _serve(application: web.Application, settings: Settings, stack: AsyncExitStack) -> int:
    """Listen as long as *stack* is open; return the port."""
    try:
        return await stack.enter_async_context(
            serve(application, host=settings.host, port=settings.port)
        )
    except OSError as error:
        raise ConfigError(
            "SIGNOFF_LISTEN", f"{settings.listen} cannot be listened on ({error.strerror})"
        ) from None


async def _store_address(
    settings: Settings, environ: Mapping[str, str], stack: AsyncExitStack
) -> str:
    if settings.redis_url is not None:
        return settings.redis_url.get_secret_value()
    from stores.embedded import embedded_server

    server = await stack.enter_async_context(embedded_server(environ=environ))
    return server.url


async def _client(
    settings: Settings, stack: AsyncExitStack, *, count: Callable[[str], None] | None
) -> AsyncWebClient:
    """Return a client that repeats nothing by itself: a repeated post is a second message."""
    session = await stack.enter_async_context(
        aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=30))
    )
    return CountedClient(
        token=settings.bot_token.get_secret_value(),
        api_url=settings.api_url,
        session=session,
        count=count,
    )


def _paces(api_url: str) -> Paces:
    """Return Slack's paces; a Slack on this machine is the sandbox, and has none."""
    local = urlsplit(api_url).hostname in ("127.0.0.1", "::1", "localhost")
    return Paces().faster(_NO_PACE) if local else Paces()


@asynccontextmanager
async def _beside(*works: Coroutine[object, object, None]) -> AsyncIterator[None]:
    """Do *works* as long as the block runs; if one fails, the block ends with its error."""
    try:
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(work) for work in works]
            try:
                yield
            finally:
                for task in tasks:
                    task.cancel()
    except BaseExceptionGroup as failed:
        # Groups of one, mostly, in each other: callers look for the error itself.
        error: BaseException = failed
        while isinstance(error, BaseExceptionGroup):
            error = error.exceptions[0]
        raise error from None


def _store_probe(store: Store) -> Probe:
    async def probe() -> str | None:
        try:
            await store.now()
        except StoreUnavailable as error:
            return error.code
        return None

    return probe


def _socket_probe(socket: SocketMode) -> Probe:
    async def probe() -> str | None:
        return None if await socket.connected() else "no connection to Slack"

    return probe


def _delivery(notifier: Notifier) -> Probe:
    async def probe() -> str | None:
        refused = [f"{channel}: {word}" for channel, word in sorted(notifier.refused.items())]
        return "; ".join(refused) or None

    return probe
