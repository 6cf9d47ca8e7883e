"""The web application: alive, ready, on loopback."""

from __future__ import annotations

import asyncio
import socket
from typing import Any

import aiohttp
import pytest
from aiohttp import web

from bot.settings import Settings
from bot.web.app import Probe, serve, web_application


async def well() -> str | None:
    return None


async def ill() -> str | None:
    return "store_unavailable"


async def broken() -> str | None:
    raise RuntimeError("s3cret")


async def ask(path: str, probes: dict[str, Probe], **options: Any) -> tuple[int, Any]:
    application = web_application(probes, **options)
    async with serve(application, host="127.0.0.1", port=0) as port:
        url = f"http://127.0.0.1:{port}{path}"
        async with aiohttp.ClientSession() as http, http.get(url) as answer:
            json = "json" in answer.content_type
            return answer.status, await answer.json() if json else await answer.text()


async def test_alive_whatever_is_ill():
    """The process is alive while its loop turns; a store that is away is no reason to kill it."""
    assert (200, {"status": "ok"}) == await ask("/livez", {"store": ill})


async def test_ready():
    """Ready when nothing objects."""
    assert (200, {"status": "ok", "checks": {"store": "ok"}}) == await ask(
        "/readyz", {"store": well}
    )


async def test_not_ready():
    """One objection is enough, and each is named."""
    assert (
        503,
        {"status": "not ready", "checks": {"store": "store_unavailable", "slack": "ok"}},
    ) == await ask("/readyz", {"store": ill, "slack": well})


async def test_a_probe_that_fails_is_an_objection_without_its_text():
    """An unexpected error of a probe is neither a 500 nor repeated."""
    status, said = await ask("/readyz", {"store": broken})
    assert (503, "RuntimeError") == (status, said["checks"]["store"])


async def test_what_only_informs():
    """A channel that refuses messages is told, and takes no replica out of service."""

    async def refused() -> str | None:
        return "C1: is_archived"

    status, said = await ask("/readyz", {"store": well}, informing={"delivery": refused})
    assert (200, "C1: is_archived") == (status, said["checks"]["delivery"])


async def test_a_probe_that_never_answers():
    """Asking has an end."""

    async def never() -> str | None:
        await asyncio.Event().wait()
        return None

    status, said = await ask("/readyz", {"store": never}, budget=0.01)
    assert (503, "no answer in time") == (status, said["checks"]["store"])


async def test_metrics():
    """They are sent as they are made, with their own content type."""

    async def metrics() -> tuple[bytes, str]:
        return b"signoff_pending_approvals 1.0\n", "text/plain; version=1.0.0; charset=utf-8"

    async with serve(web_application({}, metrics=metrics), host="127.0.0.1", port=0) as port:
        url = f"http://127.0.0.1:{port}/metrics"
        async with aiohttp.ClientSession() as http, http.get(url) as answer:
            assert (200, "text/plain; version=1.0.0; charset=utf-8") == (
                answer.status,
                answer.headers["Content-Type"],
            )
            assert "signoff_pending_approvals 1.0\n" == await answer.text()


async def test_metrics_without_the_extra():
    """The address says in one sentence what is missing."""
    assert (404, 'Metrics need an extra: pip install "signoff[metrics]".\n') == await ask(
        "/metrics", {}
    )


async def test_nothing_else_is_served():
    """Unknown paths are unknown, and Slack's address is there only over HTTP."""
    assert 404 == (await ask("/", {}))[0]
    assert 404 == (await ask("/slack/events", {}))[0]

    async def events(_: web.Request) -> web.Response:
        return web.Response()

    assert 405 == (await ask("/slack/events", {}, slack_events=events))[0]


def test_loopback_unless_told_otherwise():
    """By default nobody outside of this machine reaches it."""
    settings = Settings.model_validate({"SLACK_BOT_TOKEN": "xoxb-1", "SLACK_APP_TOKEN": "xapp-1"})
    assert "127.0.0.1" == settings.host


async def test_an_address_that_is_taken():
    """A taken port is an error at the start, and nothing stays open."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        with pytest.raises(OSError, match="in use"):
            async with serve(web_application({}), host="127.0.0.1", port=taken.getsockname()[1]):
                pass
