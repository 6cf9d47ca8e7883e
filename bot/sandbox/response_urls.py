"""Response URLs: five answers in thirty minutes to whoever acted."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from typing import Any

from aiohttp import web

from .records import ApiRequest, Message, ResponseUrl
from .rules import RESPONSE_URL_SECONDS, RESPONSE_URL_USES, check_message_blocks
from .state import World, forget_oldest
from .trouble import Answer, Trouble, event_of_call
from .wire import Json, SlackError


class ResponseUrls:
    """Hands out response URLs and carries out what is posted to them.

    Args:
        world: The state.
        trouble: Carries out the ordered faults.
        base_url: Returns the sandbox's own `http://host:port`.
    """

    def __init__(self, world: World, trouble: Trouble, *, base_url: Callable[[], str]) -> None:
        self._world = world
        self._trouble = trouble
        self._base_url = base_url

    def issue(self, user: str, channel: str, message: Message | None) -> str:
        """A new response URL for something `user` did in `channel`."""
        world = self._world
        token = world.ids.word(24)
        thread_ts = message.thread_ts if message else None
        world.response_urls[token] = ResponseUrl(
            user, channel, message.ts if message else None, thread_ts, world.clock.now()
        )
        forget_oldest(world.response_urls)
        return f"{self._base_url()}/response/{token}"

    async def handle(self, request: web.Request) -> web.Response:
        """Answer one POST to a response URL and log it."""
        began = time.perf_counter()
        raw = await request.text()
        token = request.match_info["token"]
        args: Json = {}
        world = self._world

        def carry_out() -> Answer:
            try:
                args.update(_decoded(raw))
                self._use(token, args)
            except SlackError as refusal:
                expired = refusal.error in ("expired_url", "used_url", "message_not_found")
                return Answer(404 if expired else 400, refusal.answer())
            return Answer(body={"ok": True})

        known = world.response_urls.get(token)
        event = event_of_call("response_url", {}, known.channel if known else None)
        answer = await self._trouble.around(event, carry_out)
        record = ApiRequest(
            id=world.ids.count(),
            at=world.clock.now(),
            method="response_url",
            http_method=request.method,
            content_type=request.content_type,
            raw=raw,
            args=args,
            status=answer.status,
            answer={},
            duration_ms=round((time.perf_counter() - began) * 1000, 3),
        )
        return self._trouble.respond(request, record, answer)

    def _use(self, token: str, args: Json) -> None:
        world = self._world
        url = world.response_urls.get(token)
        if url is None or world.clock.now() - url.issued > RESPONSE_URL_SECONDS:
            raise SlackError("expired_url")
        if url.uses >= RESPONSE_URL_USES:
            raise SlackError("used_url")
        blocks = args.get("blocks")
        if blocks is not None:
            check_message_blocks(blocks, sized=False)
        delete = bool(args.get("delete_original"))
        if not delete and not args.get("text") and not blocks:
            raise SlackError("no_text")
        url.uses += 1
        if delete or args.get("replace_original"):
            self._change_original(url, args, delete=delete)
        else:
            self._add(url, args)

    def _original(self, url: ResponseUrl) -> Message:
        world = self._world
        found = None
        if url.message_ts is not None:
            found = world.find_ephemeral(url.user, url.message_ts) or world.find(
                url.channel, url.message_ts
            )
        if found is None:
            raise SlackError("message_not_found")
        return found

    def _change_original(self, url: ResponseUrl, args: Json, *, delete: bool) -> None:
        world = self._world
        message = self._original(url)
        if delete and message.ephemeral_to is not None:
            world.ephemerals.remove(message)
        elif delete:
            world.delete(message)
        else:
            message.text = str(args.get("text") or "")
            message.blocks = world.completed(args.get("blocks") or [])
        world.touch()

    def _add(self, url: ResponseUrl, args: Json) -> None:
        world = self._world
        in_channel = args.get("response_type") == "in_channel"
        message = Message(
            ts=world.new_ts(),
            channel=url.channel,
            user=world.app.bot_user_id,
            from_bot=True,
            text=str(args.get("text") or ""),
            blocks=world.completed(args.get("blocks") or []),
            thread_ts=args.get("thread_ts") or url.thread_ts,
            ephemeral_to=None if in_channel else url.user,
        )
        if in_channel:
            world.post(message)
        else:
            world.ephemerals.append(message)
            world.touch()


def _decoded(raw: str) -> Json:
    try:
        body: Any = json.loads(raw)
    except ValueError as exc:
        raise SlackError("invalid_payload") from exc
    if not isinstance(body, dict):
        raise SlackError("invalid_payload")
    return body
