"""Owns the HTTP way in: signed requests of Slack, checked before anything is parsed."""

from __future__ import annotations

import asyncio
from typing import Final

from aiohttp import web
from slack_bolt.adapter.aiohttp import to_aiohttp_response, to_bolt_request
from slack_bolt.async_app import AsyncApp
from slack_sdk.signature import SignatureVerifier

from gate import get_logger

__all__ = ["MAX_BODY", "SlackEndpoint"]

MAX_BODY: Final = 1024 * 1024
"""Bytes; a view is at most 250 kB (docs.slack.dev/reference/methods/views.open)."""


class SlackEndpoint:
    """Takes Slack's requests: one address for clicks and forms.

    The signature is checked here although Bolt checks it too: Bolt logs the whole body of a request
    that it refuses, and answers 500 to a timestamp that is no number.

    Args:
        bolt: The app.
        signing_secret: Slack's secret for this app.
        patience: Seconds for a whole body to come.
    """

    def __init__(self, bolt: AsyncApp, *, signing_secret: str, patience: float = 10.0) -> None:
        self._bolt = bolt
        self._patience = patience
        self._verifier = SignatureVerifier(signing_secret)
        self._log = get_logger("signoff.slack")

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """Answer 401 to what Slack did not sign within five minutes, 400 to what is malformed."""
        try:
            async with asyncio.timeout(self._patience):
                body = await request.read()
        except web.HTTPException:
            raise  # too large
        except (TimeoutError, web.RequestPayloadError, ConnectionError):
            self._log.warning("request.incomplete")
            return web.Response(status=400, text="incomplete")
        if not self._signed(request, body):
            self._log.warning("request.unsigned", bytes=len(body))
            return web.Response(status=401, text="not signed by Slack")
        try:
            bolt_request = await to_bolt_request(request)
            answer = await self._bolt.async_dispatch(bolt_request)
        except Exception as error:  # noqa: BLE001  (malformed in any way: never a traceback)
            self._log.warning("request.malformed", error=type(error).__name__)
            return web.Response(status=400, text="malformed")
        if answer.status >= 500:
            # Bolt's word for a payload that it stumbles over, or for an error of a listener, which
            # is logged. Slack shows the same error sign for both.
            return web.Response(status=400, text="not processed")
        return await to_aiohttp_response(answer)

    def _signed(self, request: web.Request, body: bytes) -> bool:
        timestamp = request.headers.get("X-Slack-Request-Timestamp", "")
        signature = request.headers.get("X-Slack-Signature", "")
        if not (timestamp.isascii() and timestamp.isdigit() and len(timestamp) <= 12):
            return False
        if not signature.isascii():
            return False  # the comparison in constant time takes no other text
        try:
            return self._verifier.is_valid(body, timestamp, signature)
        except (UnicodeError, ValueError):
            return False
