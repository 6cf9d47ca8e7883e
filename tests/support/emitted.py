"""Owns what a test saw go to Slack, so that each test ends with a look at all of it.

The fakes and sandboxes of the tests note what they get in `EMITTED`; the fixture of
`tests/conftest.py` judges it when the test is over, and fails the test.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any, Final

import bot.sandbox
from bot.messenger import Message
from tests.support.validators import Kind, problems

__all__ = ["EMITTED", "Emitted", "Sandbox", "note_message"]

_MESSAGES: Final = ("chat.postMessage", "chat.postEphemeral", "chat.update", "response_url")
_VIEWS: Final = ("views.open", "views.push", "views.update", "views.publish")


class Emitted:
    """Collects what went to Slack, and judges each different thing once."""

    def __init__(self) -> None:
        self._waiting: dict[str, tuple[str, Kind, Mapping[str, Any]]] = {}
        self._good: set[str] = set()
        self._wrong: list[str] = []

    def note(self, kind: Kind, body: Mapping[str, Any], *, where: str) -> None:
        """Keep a message (`text`, `blocks`) or a view for the end of the test.

        Args:
            kind: What it is.
            body: See `validators.problems`.
            where: How it was sent, for the report.
        """
        # As it stands now: a test may change the lists that it sent.
        text = json.dumps([kind, body], sort_keys=True)
        if text not in self._good:
            self._waiting.setdefault(text, (where, kind, json.loads(text)[1]))

    def call(self, method: str, arguments: Mapping[str, Any]) -> None:
        """Note what a call of the Web API, or a post to a response URL, carries."""
        if method in _MESSAGES:
            blocks = self._decoded(method, arguments.get("blocks"))
            if not arguments.get("delete_original"):
                # Where it goes is not part of what it says.
                rest = {k: v for k, v in arguments.items() if k not in ("channel", "ts", "token")}
                self.note("message", {**rest, "blocks": blocks}, where=method)
        elif method in _VIEWS:
            view = self._decoded(method, arguments.get("view"))
            if isinstance(view, dict):
                self._view(view, where=method)
            else:
                self._wrong.append(f"{method}: no view")
        if method == "chat.postMessage":
            # Slack's own default is to show what stands behind a link.
            for name in ("unfurl_links", "unfurl_media"):
                if arguments.get(name) not in (False, "false", "0"):
                    self._wrong.append(f"{method}: {name} is not switched off")

    def answer(self, answer: Any) -> None:
        """Note what the app answered to a click, a form or a command."""
        if not isinstance(answer, dict):
            return
        if isinstance(answer.get("view"), dict):
            self._view(answer["view"], where=f"answer {answer.get('response_action')}")
        elif answer.get("text") or answer.get("blocks"):
            self.note("message", answer, where="answer")

    def log(
        self, requests: Sequence[Mapping[str, Any]], deliveries: Sequence[Mapping[str, Any]]
    ) -> None:
        """Note what a sandbox's log holds."""
        for request in requests:
            self.call(request["method"], request["args"])
        for delivery in deliveries:
            self.answer(delivery["answer"])

    def take(self) -> list[str]:
        """Return the problems of all that was noted since the last time, and forget it."""
        waiting, self._waiting = self._waiting, {}
        found, self._wrong = self._wrong, []
        for text, (where, kind, body) in waiting.items():
            wrong = problems(kind, body)
            if wrong:
                found += [f"{where}: {problem}" for problem in wrong]
            else:
                self._good.add(text)
        return found

    def _view(self, view: Mapping[str, Any], *, where: str) -> None:
        self.note("home" if view.get("type") == "home" else "modal", view, where=where)

    def _decoded(self, method: str, value: Any) -> Any:
        """Return an argument that may have come in a form, as text."""
        if not isinstance(value, str):
            return value
        try:
            return json.loads(value)
        except ValueError:
            self._wrong.append(f"{method}: an argument is no JSON")
            return None


EMITTED: Final = Emitted()
"""What the test that runs now has sent."""


def note_message(message: Message, *, where: str) -> None:
    """Note a message that a fake was given, as the messenger would send it."""
    EMITTED.note("message", {"text": message.text, "blocks": list(message.blocks)}, where=where)


class Sandbox(bot.sandbox.Sandbox):
    """The sandbox, for tests of the product: all that it got is noted when it closes.

    Args:
        emitted: Where it is noted. A test that sends what is wrong on purpose gives one of its
            own, and looks into it itself or lets it be.
        options: Those of `bot.sandbox.Sandbox`.
    """

    def __init__(self, *, emitted: Emitted = EMITTED, **options: Any) -> None:
        super().__init__(**options)
        self._emitted = emitted

    async def close(self) -> None:
        """See `bot.sandbox.Sandbox.close`."""
        await super().close()
        self._emitted.log(
            [asdict(request) for request in self.world.requests],
            [asdict(delivery) for delivery in self.world.deliveries],
        )
