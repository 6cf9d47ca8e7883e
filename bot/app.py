"""Owns the composition: the only place that names concrete classes and puts the bot together."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping, Sequence
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

from .answering import PrivateAnswers, principals_of
from .background import Background
from .bucket_work import BucketWork, Means, Tuning
from .deciding import Answers
from .directory import CachedDirectory
from .evicting import refuse_eviction
from .inbox import Inboxes
from .keyring import Keyring, open_keyring
from .masking import Masking
from .messenger import Message, Posted
from .metrics import Metrics, metrics_of
from .notifier import READER
from .pacing import PacedMessenger, Paces
from .proof import Proof
from .refusals import Refusals
from .settings import Settings
from .slack.app import SocketMode, bolt_app
from .slack.client import CountedClient
from .slack.directory import SlackDirectory
from .slack.endpoint import SlackEndpoint
from .slack.handlers import Doors, Handlers
from .slack.messenger import SlackMessenger
from .slack.render import card, direct, gone, moved, notice, pointer, reply
from .slack.seal import Seal
from .slack.workspace import Workspace, check_app_token, look_around
from .story import Rendering
from .web.app import Probe, serve, web_application

__all__ = ["Running", "Tuning", "run_bot"]

_NO_PACE: Final = 10_000.0
_WIND_UP_SECONDS: Final = 7.0
"""For messages under way at a stop; with what the story waits by itself, within the ten seconds
that container runtimes commonly give a stop."""


@dataclass(frozen=True)
class Running:
    """A bot that is up."""

    workspace: Workspace
    port: int
    works: Sequence[BucketWork]

    @property
    def leading(self) -> bool:
        """Whether this replica does the work on every bucket."""
        return all(work.leadership.leading for work in self.works)


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
        for bucket in store.buckets:
            await refuse_eviction(bucket, allowed=settings.allow_eviction)
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
        probes = {"store": _store_probe(store), "delivery": _delivery(parts.works)}
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
        works = [each.run() for each in parts.works]
        works += [parts.handlers.homes.run(), parts.refusals.run()]
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
                yield Running(workspace, port, parts.works)
            finally:
                # With the leases still ours and renewed: who comes next finds nothing half told.
                await asyncio.gather(
                    *(each.wind_up(patience=_WIND_UP_SECONDS) for each in parts.works)
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
            SlackDirectory(client, team=workspace.team), now=time.monotonic, home=workspace.team
        )
        self._messenger = PacedMessenger(
            SlackMessenger(client, own=workspace.posted),
            now=time.monotonic,
            paces=times.paces or _paces(settings.api_url),
        )
        secret = settings.secret.get_secret_value().encode() if settings.secret else keyring.secret
        self.refusals = Refusals(store, answer=self._tell, now=time.monotonic)
        self._desk = Desk(store, notary=keyring.notary(secret), refusals=self.refusals.put)
        self._seal = Seal(secret, installation=f"{workspace.team} {workspace.bot_id}")
        rules = settings.masking
        self._masking = Masking(keys=rules.keys, shapes=rules.shapes, secret=secret)
        words = partial(notice, masking=self._masking)
        self._private = PrivateAnswers(self._messenger, self._desk, words, self._directory.names)
        means = Means(
            settings=settings,
            times=times,
            store=store,
            desk=self._desk,
            messenger=self._messenger,
            rendering=self._rendering(),
            directory=self._directory,
            team=workspace.team,
            holder=new_id(),
            private=self._private,
            keyring=keyring,
            observe=metrics.observe if metrics else None,
        )
        self.works = [BucketWork(means, number) for number in range(len(store.buckets))]
        if metrics is not None:
            metrics.follow_backlog(lambda: sum(work.backlog for work in self.works))
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
            gone=gone,
            pointer=pointer,
            direct=to_one,
        )

    async def _adopt(self, key: str, posted: Posted, *, person: str | None = None) -> None:
        """Let a card end like the noted one; see `Story.adopt`."""
        story = self.works[self._store.bucket_of(key)].story
        await story.adopt(key, posted, person=person)

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
                own=self._workspace.posted,
                adopt=self._adopt,
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


def _delivery(works: Sequence[BucketWork]) -> Probe:
    async def probe() -> str | None:
        found: dict[str, str] = {}
        for work in works:
            found |= work.notifier.refused
        return "; ".join(f"{channel}: {word}" for channel, word in sorted(found.items())) or None

    return probe
