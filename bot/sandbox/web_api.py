"""The Web API over HTTP: reads a call, checks token and scope, answers, logs both."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from urllib.parse import parse_qsl

from aiohttp import web

from .methods import Args, Method
from .methods.call import missing_scope
from .records import ApiRequest
from .state import World
from .trouble import Answer, Trouble, event_of_call
from .wire import Json, SlackError


class WebApi:
    """Answers `/api/<method>`.

    Args:
        world: The state the methods work on.
        methods: Every method by its name.
        trouble: Carries out the ordered faults.
    """

    def __init__(self, world: World, methods: Mapping[str, Method], trouble: Trouble) -> None:
        self._world = world
        self._methods = methods
        self._trouble = trouble

    async def handle(self, request: web.Request) -> web.Response:
        """Answer one HTTP request and log it."""
        began = time.perf_counter()
        name = request.match_info["method"]
        raw = (await request.read()).decode("utf-8", "replace")
        args: Json = {}
        unreadable: SlackError | None = None
        try:
            args = await self._arguments(request, raw)
        except SlackError as refusal:
            unreadable = refusal

        def carry_out() -> Answer:
            try:
                if unreadable is not None:
                    raise unreadable
                body = {"ok": True, **self.answer(name, args, self._token(request, args))}
            except SlackError as refusal:
                body = refusal.answer()
            scopes = ",".join(sorted(self._world.app.scopes))
            return Answer(body=body, headers={"x-oauth-scopes": scopes})

        answer = await self._trouble.around(event_of_call(name, args), carry_out)
        world = self._world
        record = ApiRequest(
            id=world.ids.count(),
            at=world.clock.now(),
            method=name,
            http_method=request.method,
            content_type=request.content_type,
            raw=raw or request.query_string,
            args={key: value for key, value in args.items() if key != "token"},
            status=answer.status,
            answer={},
            duration_ms=round((time.perf_counter() - began) * 1000, 3),
        )
        return self._trouble.respond(request, record, answer)

    def answer(self, name: str, args: Json, token: str | None) -> Json:
        """The answer of a method, without `ok`.

        Raises:
            SlackError: the refusal.
        """
        method = self._methods.get(name)
        if method is None:
            raise SlackError("unknown_method", req_method=name)
        self._check_token(method, token)
        if method.scopes and not any(scope in self._world.app.scopes for scope in method.scopes):
            raise missing_scope(self._world, method.scopes[0])
        return method.handler(self._world, Args(args))

    def _check_token(self, method: Method, token: str | None) -> None:
        if method.wants == "none":
            return
        app = self._world.app
        if not token:
            raise SlackError("not_authed")
        if token not in (app.bot_token, app.app_token):
            raise SlackError("invalid_auth")
        error = app.app_token_error if token == app.app_token else app.token_error
        if error is not None:
            raise SlackError(error)
        if (token == app.app_token) != (method.wants == "app"):
            raise SlackError("not_allowed_token_type")

    @staticmethod
    def _token(request: web.Request, args: Json) -> str | None:
        scheme, _, token = request.headers.get("Authorization", "").partition(" ")
        if scheme.lower() == "bearer" and token.strip():
            return token.strip()
        # A token in a JSON body is not read by Slack.
        if request.content_type == "application/json":
            return None
        value = args.get("token")
        return value if isinstance(value, str) else None

    @staticmethod
    async def _arguments(request: web.Request, raw: str) -> Json:
        args: Json = dict(request.query)
        kind = request.content_type
        if request.method == "GET" or not raw:
            return args
        if kind == "application/json":
            try:
                body = json.loads(raw)
            except ValueError as exc:
                raise SlackError("invalid_json") from exc
            if not isinstance(body, dict):
                raise SlackError("json_not_object")
            return args | body
        if kind == "application/x-www-form-urlencoded":
            return args | dict(parse_qsl(raw, keep_blank_values=True))
        if kind == "multipart/form-data":
            fields = await request.post()
            return args | {key: value for key, value in fields.items() if isinstance(value, str)}
        raise SlackError("invalid_post_type")
