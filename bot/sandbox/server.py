"""The running sandbox: one HTTP server with Web API, sockets, response URLs, control and page."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from types import TracebackType
from typing import Any, Self

from aiohttp import web

from .clock import Clock
from .control import Control
from .delivery import Courier
from .fault_control import FaultControl
from .interactions import People
from .methods import METHODS
from .modals import Modals
from .pages import add_pages
from .rate_limits import RateLimits, RateMeter
from .response_urls import ResponseUrls
from .rules import ACK_SECONDS, EVENT_RETRY_SECONDS
from .socket import SocketHub
from .state import World
from .trouble import Trouble
from .uploads import Uploads
from .web_api import WebApi
from .workspace import Workspace, default_workspace

_MAX_BODY = 4 * 1024 * 1024


class Sandbox:
    """A local Slack, running while its `async with` block does.

    Args:
        workspace: The seed; `default_workspace()` if None. It is changed in place.
        host: Address to listen on; keep it on loopback.
        port: TCP port, 0 takes a free one.
        clock: The sandbox's time: message timestamps, trigger and response URL expiry.
        ack_timeout: Seconds (real ones) the app has to acknowledge a delivery.
        seed: Seed of the generated ids.
        wall_time: The machine's time, put into request signatures.
        rate_limits: Slack's rate limits, as `RateLimits` or its fields in a mapping; None means
            that the app may call as often as it likes.
        retry_seconds: Sandbox seconds before each retry of an event.

    Attributes:
        world: The state, for tests in the same process.
        people: What people do in channels.
        modals: What people do with modals.
        hub: The Socket Mode connections.
        courier: Delivers payloads to the app.
        clock: The sandbox's time.
    """

    def __init__(
        self,
        workspace: Workspace | None = None,
        *,
        host: str = "127.0.0.1",
        port: int = 0,
        clock: Clock | None = None,
        ack_timeout: float = ACK_SECONDS,
        seed: int = 0,
        wall_time: Callable[[], float] = time.time,
        rate_limits: RateLimits | Mapping[str, Any] | None = None,
        retry_seconds: Sequence[float] = EVENT_RETRY_SECONDS,
    ) -> None:
        self.clock = clock or Clock()
        self.world = World(workspace or default_workspace(), clock=self.clock, seed=seed)
        limits = RateLimits.of(rate_limits)
        self.world.meter = RateMeter(limits, self.clock) if limits else None
        self._host = host
        self._port = port
        self._runner: web.AppRunner | None = None
        self.hub = SocketHub(self.world, base_url=lambda: self.url)
        self.courier = Courier(
            self.world,
            self.hub,
            ack_timeout=ack_timeout,
            wall_time=wall_time,
            retry_seconds=retry_seconds,
        )
        self._trouble = Trouble(self.world)
        self._response_urls = ResponseUrls(self.world, self._trouble, base_url=lambda: self.url)
        self._uploads = Uploads(self.world, self._trouble, base_url=lambda: self.url)
        self.people = People(self.world, self.courier, self._response_urls)
        self.modals = Modals(self.world, self.courier)

    @property
    def url(self) -> str:
        """`http://host:port`, without a slash at the end."""
        return f"http://{self._host}:{self._port}"

    @property
    def api_url(self) -> str:
        """The Web API's base for SDKs; ends with `/api/`."""
        return f"{self.url}/api/"

    @property
    def bot_token(self) -> str:
        """The bot token."""
        return self.world.app.bot_token

    @property
    def app_token(self) -> str:
        """The app-level token for Socket Mode."""
        return self.world.app.app_token

    @property
    def signing_secret(self) -> str:
        """The signing secret."""
        return self.world.app.signing_secret

    @property
    def request_url(self) -> str | None:
        """Where HTTP deliveries go while no socket is open; may be set at any time."""
        return self.world.app.request_url

    @request_url.setter
    def request_url(self, url: str | None) -> None:
        self.world.app.request_url = url
        self.world.touch()

    async def start(self) -> None:
        """Listen.

        Raises:
            OSError: the port is taken.
        """
        methods = {**METHODS, **self.hub.methods(), **self._uploads.methods()}
        api = WebApi(self.world, methods, self._trouble)
        control = Control(
            self.world,
            hub=self.hub,
            courier=self.courier,
            people=self.people,
            modals=self.modals,
        )
        app = web.Application(client_max_size=_MAX_BODY)
        app.router.add_route("*", "/api/{method}", api.handle)
        app.router.add_get("/link/", self.hub.handle)
        app.router.add_post("/response/{token}", self._response_urls.handle)
        app.router.add_post("/upload/{token}", self._uploads.receive)
        app.router.add_get("/files/{file}", self._uploads.download)
        faults = FaultControl(self.world, hub=self.hub, courier=self.courier)
        control.add_routes(app, faults.verbs())
        add_pages(app)
        app.on_shutdown.append(self._release)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=1.0)
        await self._runner.setup()
        site = web.TCPSite(self._runner, self._host, self._port)
        await site.start()
        self._port = self._runner.addresses[0][1]

    async def _release(self, _: web.Application) -> None:
        # Long polls, event streams and sockets would hold up the server's shutdown.
        self.world.close()
        await self.hub.close()

    async def close(self) -> None:
        """Stop listening and close every connection."""
        if self._runner is not None:
            await self._runner.cleanup()
            self._runner = None
        await self.courier.close()

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.close()
