"""Owns the web application and its server on one address."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Final

from aiohttp import web

__all__ = ["Exposition", "Probe", "serve", "web_application"]

Probe = Callable[[], Awaitable[str | None]]
"""Says what is wrong, in a few words without secrets, or `None`."""

PROBE_BUDGET: Final = 2.0
MAX_BODY: Final = 1024 * 1024

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
Exposition = Callable[[], Awaitable[tuple[bytes, str]]]
"""Gives the metrics as they are sent, and their content type."""

_NO_METRICS: Final = 'Metrics need an extra: pip install "signoff[metrics]".\n'


def web_application(
    probes: Mapping[str, Probe],
    *,
    informing: Mapping[str, Probe] | None = None,
    slack_events: Handler | None = None,
    metrics: Exposition | None = None,
    budget: float = PROBE_BUDGET,
) -> web.Application:
    """Return the application.

    `GET /livez` answers while the event loop turns. `GET /readyz` asks every probe: 200 if none
    objects, else 503, with one word or sentence for each. `GET /metrics` gives the metrics, or 404
    and a sentence where there are none.

    Args:
        probes: What must be well for the bot to do its work.
        informing: What is told there too and changes no status: a channel that refuses messages is
            no reason to send this replica no more clicks.
        slack_events: Takes Slack's requests at `POST /slack/events`, where they come over HTTP.
        metrics: Gives the metrics; `None` where the extra is not installed.
        budget: Seconds that a probe may take.
    """

    async def livez(_: web.Request) -> web.Response:
        return web.json_response({"status": "ok"})

    async def readyz(_: web.Request) -> web.Response:
        asked = {**(informing or {}), **probes}
        answers = await asyncio.gather(*(_ask(probe, budget=budget) for probe in asked.values()))
        found = dict(zip(asked, answers, strict=True))
        ready = all(found[name] is None for name in probes)
        return web.json_response(
            {
                "status": "ok" if ready else "not ready",
                "checks": {name: trouble or "ok" for name, trouble in found.items()},
            },
            status=200 if ready else 503,
        )

    async def scrape(_: web.Request) -> web.Response:
        if metrics is None:
            return web.Response(status=404, text=_NO_METRICS)
        body, kind = await metrics()
        # Set as it is: aiohttp takes a type with parameters only this way.
        return web.Response(body=body, headers={"Content-Type": kind})

    app = web.Application(client_max_size=MAX_BODY)
    app.router.add_get("/livez", livez)
    app.router.add_get("/readyz", readyz)
    app.router.add_get("/metrics", scrape)
    if slack_events is not None:
        app.router.add_post("/slack/events", slack_events)
    return app


@asynccontextmanager
async def serve(app: web.Application, *, host: str, port: int) -> AsyncIterator[int]:
    """Serve *app* while the block runs; give the port, which is chosen where *port* is 0.

    Raises:
        OSError: The address is not to be had.
    """
    runner = web.AppRunner(app, access_log=None, handle_signals=False, shutdown_timeout=5.0)
    await runner.setup()
    try:
        site = web.TCPSite(runner, host, port)
        await site.start()
        yield int(runner.addresses[0][1])
    finally:
        await runner.cleanup()


async def _ask(probe: Probe, *, budget: float) -> str | None:
    try:
        async with asyncio.timeout(budget):
            return await probe()
    except TimeoutError:
        return "no answer in time"
    except Exception as error:  # noqa: BLE001  (a probe that fails has found something)
        return type(error).__name__
