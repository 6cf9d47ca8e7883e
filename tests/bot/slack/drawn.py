"""Owns rendering for tests: the functions of `bot.slack.render`, each judged by what it draws.

What is no message and no view comes back as it is.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any

from bot.messenger import Message
from bot.slack import render
from tests.support.validators import problems


def checked(draw: Callable[..., Any]) -> Callable[..., Any]:
    """Return *draw*, failing where what it draws does not pass every judge.

    It fails inside of the test, so that Hypothesis can make the example small.
    """

    @wraps(draw)
    def judging(*args: Any, **kwargs: Any) -> Any:
        shown = draw(*args, **kwargs)
        found = judged(shown)
        assert found == [], found
        return shown

    return judging


def judged(shown: Any) -> list[str]:
    """Return the problems of a message or a view, or of several."""
    if isinstance(shown, Message):
        return problems("message", {"text": shown.text, "blocks": list(shown.blocks)})
    if isinstance(shown, dict) and shown.get("type") in ("modal", "home"):
        return problems("home" if shown["type"] == "home" else "modal", shown)
    if isinstance(shown, list | tuple):
        return [problem for item in shown for problem in judged(item)]
    return []


def __getattr__(name: str) -> Any:
    found = getattr(render, name)
    return checked(found) if callable(found) and not isinstance(found, type) else found
