"""File uploads in three steps: the URL, the bytes posted to it, and the download afterwards.

Source: docs.slack.dev, files.getUploadURLExternal.
"""

from __future__ import annotations

import time
from collections.abc import Callable

from aiohttp import web

from .methods import Args, Method
from .records import ApiRequest, StoredFile
from .state import World
from .trouble import Answer, Trouble, event_of_call
from .wire import Json, invalid_arguments

_MAX_LENGTH = 1_000_000_000
_SCOPES = ("files:write",)


class Uploads:
    """Hands out upload URLs and takes what is posted to them.

    Args:
        world: The state.
        trouble: Carries out the ordered faults.
        base_url: Returns the sandbox's own `http://host:port`.
    """

    def __init__(self, world: World, trouble: Trouble, *, base_url: Callable[[], str]) -> None:
        self._world = world
        self._trouble = trouble
        self._base_url = base_url

    def methods(self) -> dict[str, Method]:
        """The method that hands out upload URLs."""
        return {"files.getUploadURLExternal": Method(self._url, _SCOPES)}

    def _url(self, world: World, args: Args) -> Json:
        name, length = args.text("filename"), args.text("length")
        if not length.isdigit() or not 0 < int(length) <= _MAX_LENGTH:
            raise invalid_arguments("length must be a positive number [json-pointer:/length]")
        file = StoredFile(
            id=f"F{world.ids.word(10)}",
            name=name,
            title=name,
            length=int(length),
            user=world.app.bot_user_id,
            created=world.clock.now(),
            token=world.ids.hex(32),
        )
        world.files[file.id] = file
        return {"upload_url": f"{self._base_url()}/upload/{file.token}", "file_id": file.id}

    async def receive(self, request: web.Request) -> web.Response:
        """Take the bytes of one upload; log it without them."""
        began = time.perf_counter()
        world = self._world
        token = request.match_info["token"]
        file = next((item for item in world.files.values() if item.token == token), None)
        content = await _content(request)

        def carry_out() -> Answer:
            if file is None or file.content is not None:
                return Answer(404, "unknown or used upload URL")
            if len(content) != file.length:
                return Answer(400, "the length is not the announced one")
            file.content = content
            return Answer(200, f"OK - {len(content)}")

        args: Json = {"file_id": file.id if file else None, "length": len(content)}
        answer = await self._trouble.around(event_of_call("upload", args), carry_out)
        record = ApiRequest(
            id=world.ids.count(),
            at=world.clock.now(),
            method="upload",
            http_method=request.method,
            content_type=request.content_type,
            raw="",
            args=args,
            status=answer.status,
            answer={},
            duration_ms=round((time.perf_counter() - began) * 1000, 3),
        )
        return self._trouble.respond(request, record, answer)

    async def download(self, request: web.Request) -> web.Response:
        """The bytes of a completed file, always as a download."""
        file = self._world.files.get(request.match_info["file"])
        if file is None or not file.completed or file.content is None:
            raise web.HTTPNotFound
        return web.Response(
            body=file.content,
            content_type="application/octet-stream",
            headers={
                "Content-Disposition": "attachment",
                "X-Content-Type-Options": "nosniff",
                "Cache-Control": "no-store",
            },
        )


async def _content(request: web.Request) -> bytes:
    if request.content_type == "multipart/form-data":
        for value in (await request.post()).values():
            if isinstance(value, web.FileField):
                return value.file.read()
        return b""
    return await request.read()
