"""Slack's edge: a Web API that answers what a test says, byte for byte, and clients for it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl

import aiohttp
from aiohttp import web
from slack_sdk.web.async_client import AsyncWebClient

from tests.support.emitted import EMITTED


@dataclass
class Edge:
    """What the Web API answers, and what it was asked.

    `status`, `headers`, `body` and `kind` are the next answers; `reset` cuts the connection after
    the request was taken; `hang` never answers.
    """

    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b'{"ok":true,"channel":"C1","ts":"1.0001","permalink":"https://a.example/1"}'
    kind: str = "application/json"
    reset: bool = False
    hang: bool = False
    calls: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    answers: dict[str, bytes] = field(default_factory=dict)
    """Bodies by method, before `body`."""
    statuses: dict[str, int] = field(default_factory=dict)
    """Statuses by method, before `status`."""
    url: str = ""

    def says(self, word: str, **more: Any) -> None:
        """Answer `ok: false` with *word*."""
        self.body = json.dumps({"ok": False, "error": word, **more}).encode()

    async def _handle(self, request: web.Request) -> web.StreamResponse:
        method = request.match_info["method"]
        sent = await request.read()
        kind = request.content_type
        given = json.loads(sent) if kind == "application/json" else dict(parse_qsl(sent.decode()))
        assert not request.query, "an address is logged by servers on the way"
        self.calls.append((method, given))
        EMITTED.call(method, given)
        if self.reset:
            assert request.transport is not None
            request.transport.abort()
        if self.hang:
            await asyncio.Event().wait()
        return web.Response(
            status=self.statuses.get(method, self.status),
            body=self.answers.get(method, self.body),
            headers={"Content-Type": self.kind, **self.headers},
        )


@asynccontextmanager
async def slack_edge() -> AsyncIterator[Edge]:
    """Run a Web API on a free port."""
    edge = Edge()
    app = web.Application()
    app.router.add_route("*", "/api/{method}", edge._handle)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.01)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    edge.url = f"http://127.0.0.1:{runner.addresses[0][1]}/api/"
    try:
        yield edge
    finally:
        await runner.cleanup()


@asynccontextmanager
async def client_of(
    url: str, *, token: str = "xoxb-sandbox", seconds: float = 5
) -> AsyncIterator[AsyncWebClient]:
    """Give a client as `bot.app` makes it."""
    timeout = aiohttp.ClientTimeout(total=seconds)
    async with aiohttp.ClientSession(timeout=timeout) as session:
        yield AsyncWebClient(token=token, base_url=url, session=session, retry_handlers=[])
