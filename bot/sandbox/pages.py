"""The web page: its files, read from package data, with a strict content policy."""

from __future__ import annotations

from importlib.resources import files

from aiohttp import web

_TYPES = {"html": "text/html", "css": "text/css", "js": "text/javascript", "svg": "image/svg+xml"}
_HEADERS = {
    "Content-Security-Policy": "default-src 'self'; img-src 'self' data:; base-uri 'none'",
    "Cache-Control": "no-store",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
}


def _file(name: str) -> web.Response:
    kind = _TYPES.get(name.rpartition(".")[2])
    path = files("bot.sandbox").joinpath("page", name)
    if kind is None or "/" in name or not path.is_file():
        raise web.HTTPNotFound
    return web.Response(text=path.read_text(encoding="utf-8"), content_type=kind, headers=_HEADERS)


async def _index(_: web.Request) -> web.Response:
    return _file("index.html")


async def _asset(request: web.Request) -> web.Response:
    return _file(request.match_info["name"])


async def _favicon(_: web.Request) -> web.Response:
    return _file("icon.svg")


async def _permalink(request: web.Request) -> web.Response:
    """Slack's archive links lead to the message on the page."""
    digits = request.match_info["ts"]
    ts = f"{digits[:-6]}.{digits[-6:]}"
    raise web.HTTPFound(f"/?channel={request.match_info['channel']}&message={ts}")


def add_pages(app: web.Application) -> None:
    """Serve the page at `/` and its files under `/page/`."""
    app.router.add_get("/", _index)
    app.router.add_get("/page/{name}", _asset)
    app.router.add_get("/favicon.ico", _favicon)
    app.router.add_get(r"/archives/{channel:\w+}/p{ts:\d{7,}}", _permalink)
