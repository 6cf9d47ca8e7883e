"""Owns the composition: the only place that names concrete classes and puts the bot together."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Coroutine, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass

import aiohttp
from slack_sdk.web.async_client import AsyncWebClient

from gate import ConfigError, Desk, StoreUnavailable, get_logger, new_id
from stores import Store, open_store

from .background import Background
from .deadlines import INTERVAL, Deadlines
from .deciding import Answers
from .directory import CachedDirectory
from .leadership import LEASE_SECONDS, Leadership
from .notifier import READER, Notifier
from .settings import Settings
from .slack.app import CONNECTIONS, SocketMode, bolt_app
from .slack.directory import SlackDirectory
from .slack.endpoint import SlackEndpoint
from .slack.handlers import Handlers
from .slack.messenger import SlackMessenger
from .slack.render import card, direct, reply
from .slack.workspace import Workspace, check_app_token, look_around
from .story import Rendering, Story
from .web.app import Probe, serve, web_application

__all__ = ["Running", "Tuning", "run_bot"]


@dataclass(frozen=True)
class Tuning:
    """Times that tests shorten."""

    lease_seconds: float = LEASE_SECONDS
    deadline_interval: float = INTERVAL
    connections: int = CONNECTIONS


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
        address = await _store_address(settings, environ, stack)
        store = await stack.enter_async_context(open_store(address, environ=environ))
        client = await _client(settings, stack)
        workspace = await look_around(client, channels=[rule.channel for rule in settings.routes])
        app_token = settings.app_token.get_secret_value() if settings.app_token else None
        if app_token is not None:
            await check_app_token(client, app_token)

        background = Background()
        stack.push_async_callback(background.aclose)
        directory = CachedDirectory(SlackDirectory(client, team=workspace.team), now=time.monotonic)
        messenger = SlackMessenger(client)
        desk = Desk(store)
        holder = new_id()
        story = Story(
            desk,
            store,
            messenger=messenger,
            rendering=Rendering(card=card, reply=reply, direct=direct),
            routes=settings.routes,
            team=workspace.team,
            directory=directory,
            holder=holder,
        )
        handlers = Handlers(
            Answers(desk, directory=directory),
            messenger=messenger,
            client=client,
            background=background,
            adopt=story.adopt,
        )
        secret = settings.signing_secret.get_secret_value() if settings.signing_secret else None
        bolt = bolt_app(
            handlers,
            client=client,
            token=settings.bot_token.get_secret_value(),
            workspace=workspace,
            signing_secret=secret,
        )
        notifier = Notifier(
            store, story, undeliverable_after=settings.undeliverable_after, now=time.monotonic
        )
        leadership = Leadership(store, name=READER, holder=holder, seconds=times.lease_seconds)
        deadlines = Deadlines(desk, store, interval=times.deadline_interval)

        async def lead(fence: int) -> None:
            async with asyncio.TaskGroup() as group:
                group.create_task(notifier.run(fence), name="notifier")
                group.create_task(deadlines.run(), name="deadlines")

        probes: dict[str, Probe] = {"store": _store_probe(store)}
        endpoint = None
        if app_token is not None:
            socket = await stack.enter_async_context(
                SocketMode(bolt, client=client, app_token=app_token, connections=times.connections)
            )
            probes["slack"] = _socket_probe(socket)
        elif secret is not None:
            endpoint = SlackEndpoint(bolt, signing_secret=secret).handle
        web = web_application(
            probes, informing={"delivery": _delivery(notifier)}, slack_events=endpoint
        )
        try:
            port = await stack.enter_async_context(
                serve(web, host=settings.host, port=settings.port)
            )
        except OSError as error:
            raise ConfigError(
                "SIGNOFF_LISTEN", f"{settings.listen} cannot be listened on ({error.strerror})"
            ) from None
        async with _beside(leadership.lead(lead)):
            get_logger("signoff.bot").info(
                "bot.up",
                workspace=workspace.team,
                port=port,
                transport="socket" if app_token else "http",
                routes=len(settings.routes),
            )
            yield Running(workspace, port, leadership)


async def _store_address(
    settings: Settings, environ: Mapping[str, str], stack: AsyncExitStack
) -> str:
    if settings.redis_url is not None:
        return settings.redis_url.get_secret_value()
    from stores.embedded import embedded_server

    server = await stack.enter_async_context(embedded_server(environ=environ))
    return server.url


async def _client(settings: Settings, stack: AsyncExitStack) -> AsyncWebClient:
    """Return a client that repeats nothing by itself: a repeated post is a second message."""
    session = await stack.enter_async_context(
        aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=30))
    )
    return AsyncWebClient(
        token=settings.bot_token.get_secret_value(),
        base_url=settings.api_url,
        session=session,
        retry_handlers=[],
    )


@asynccontextmanager
async def _beside(work: Coroutine[object, object, None]) -> AsyncIterator[None]:
    """Do *work* as long as the block runs; if the work fails, the block ends with its error."""
    try:
        async with asyncio.TaskGroup() as group:
            task = group.create_task(work)
            try:
                yield
            finally:
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
