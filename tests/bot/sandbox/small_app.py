"""The app's end of a delivery, in a few lines: an HTTP endpoint and a socket that note all."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, Self
from urllib.parse import parse_qs

import aiohttp
from aiohttp import web
from slack_sdk.web.async_client import AsyncWebClient

from bot.sandbox import Sandbox


@dataclass
class Received:
    """One request to the endpoint."""

    body: str
    headers: dict[str, str]

    @property
    def payload(self) -> dict[str, Any]:
        """The JSON in it."""
        text = self.body
        if "json" not in self.headers["Content-Type"]:
            text = parse_qs(self.body)["payload"][0]
        payload: dict[str, Any] = json.loads(text)
        return payload


@dataclass
class Endpoint:
    """Answers every request with the next of `statuses` (then 200) and notes it."""

    url: str = ""
    statuses: list[int] = field(default_factory=list)
    headers: dict[str, str] = field(default_factory=dict)
    received: list[Received] = field(default_factory=list)

    async def handle(self, request: web.Request) -> web.Response:
        """Answer one request."""
        self.received.append(Received(await request.text(), dict(request.headers)))
        status = self.statuses.pop(0) if self.statuses else 200
        return web.Response(status=status, headers=self.headers)


@asynccontextmanager
async def endpoint(sandbox: Sandbox) -> AsyncIterator[Endpoint]:
    """An endpoint that the sandbox delivers to."""
    found = Endpoint()
    app = web.Application()
    app.router.add_post("/slack/events", found.handle)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    found.url = f"http://127.0.0.1:{runner.addresses[0][1]}/slack/events"
    sandbox.request_url = found.url
    yield found
    await runner.cleanup()


class Line:
    """The app's end of one Socket Mode connection."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self.socket = socket

    @classmethod
    async def open(cls, sandbox: Sandbox, session: aiohttp.ClientSession) -> Self:
        """Connect with a fresh ticket."""
        web_api = AsyncWebClient(base_url=sandbox.api_url)
        answer = await web_api.apps_connections_open(app_token=sandbox.app_token)
        return cls(await session.ws_connect(str(answer["url"])))

    async def frame(self) -> dict[str, Any]:
        """The next frame."""
        frame: dict[str, Any] = json.loads(await self.socket.receive_str(timeout=5))
        return frame

    async def ack(self, envelope_id: str) -> None:
        """Acknowledge an envelope."""
        await self.socket.send_str(json.dumps({"envelope_id": envelope_id}))

    async def serve(self, count: int) -> list[dict[str, Any]]:
        """Acknowledge the next `count` envelopes; returns them."""
        envelopes = []
        for _ in range(count):
            envelopes.append(await self.frame())
            await self.ack(envelopes[-1]["envelope_id"])
        return envelopes

    def serving(self, count: int) -> asyncio.Future[list[dict[str, Any]]]:
        """As `serve`, beside what the test does."""
        return asyncio.ensure_future(self.serve(count))
