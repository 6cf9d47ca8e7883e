"""Owns reading the sandbox as a person would: cards, threads, private answers, as plain text."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, Final
from uuid import uuid4

from bot.sandbox import SandboxClient, State
from tests.support.house import CHANNEL

__all__ = [
    "APPROVE",
    "REASON",
    "REJECT",
    "buttons",
    "card",
    "cards",
    "fresh",
    "full_text",
    "private",
    "raw",
    "reject",
    "replies",
    "until_card_says",
    "until_thread",
    "until_told",
]

APPROVE: Final = "signoff_approve"
REJECT: Final = "signoff_reject"
REASON: Final = "signoff_reason_text"

Message = dict[str, Any]


def fresh(word: str) -> str:
    """Return a name that nothing else has: for actions, ids and runs."""
    return f"{word}-{uuid4().hex[:8]}"


def full_text(message: Message | None) -> str:
    """Return all that a message shows, block after block; the notification text if it has none."""
    if message is None:
        return ""
    blocks = message.get("blocks") or []
    return "\n".join(_text(block) for block in blocks) if blocks else str(message["text"])


def cards(state: State, name: str, *, channel: str = CHANNEL) -> list[Message]:
    """Return the cards of the action *name*, oldest first."""
    return [m for m in state.messages(channel) if name in str(m.get("text"))]


def buttons(message: Message | None) -> list[str]:
    """Return the action ids of a message's buttons."""
    blocks = (message or {}).get("blocks") or []
    return [
        element["action_id"]
        for block in blocks
        if block["type"] == "actions"
        for element in block["elements"]
    ]


def replies(state: State, ts: str, *, channel: str = CHANNEL) -> list[str]:
    """Return the thread of a card, one text a reply."""
    return [full_text(message) for message in state.thread(channel, ts)]


def private(state: State, user: str) -> list[str]:
    """Return what only *user* was told."""
    return [full_text(message) for message in state.ephemerals(user)]


async def card(slack: SandboxClient, name: str, *, channel: str = CHANNEL) -> str:
    """Return the ts of the card of the action *name*, waiting until it is there."""
    state = await slack.wait_for(
        lambda state: cards(state, name, channel=channel), f"the card of {name}"
    )
    return str(cards(state, name, channel=channel)[-1]["ts"])


async def until_card_says(
    slack: SandboxClient, ts: str, *words: str, channel: str = CHANNEL, timeout: float = 30.0
) -> str:
    """Return a card's text when it says all of *words* and has no buttons any more."""

    def over(state: State) -> bool:
        message = state.message(channel, ts)
        shown = full_text(message)
        return not buttons(message) and all(word in shown for word in words)

    state = await slack.wait_for(over, f"the card says {words} and has no buttons", timeout)
    return full_text(state.message(channel, ts))


async def until_thread(
    slack: SandboxClient, ts: str, *words: str, channel: str = CHANNEL
) -> list[str]:
    """Return a card's thread when it has as many replies as *words*, each saying its word."""
    state = await slack.wait_for(
        lambda state: len(state.thread(channel, ts)) >= len(words), f"a thread of {words}"
    )
    thread = replies(state, ts, channel=channel)
    told = [next((word for word in words if word in reply), reply) for reply in thread]
    assert list(words) == told, f"the thread tells {told}"
    return thread


async def reject(slack: SandboxClient, user: str, ts: str, reason: str) -> None:
    """Reject as a person does: the button, the form, its reason."""
    clicked = await slack.click(user, channel=CHANNEL, ts=ts, action_id=REJECT)
    assert clicked.ok, clicked.error
    await slack.wait_for(lambda state: state.views(user), f"the form for {user}")
    submitted = await slack.submit(user, values={REASON: reason})
    assert submitted.ok, submitted.error


async def until_told(
    slack: SandboxClient, user: str, *words: str, answers: int = 1, timeout: float = 30.0
) -> list[str]:
    """Return what *user* was told in private when that is *answers*, the last saying *words*."""

    def told(state: State) -> bool:
        heard = private(state, user)
        return len(heard) >= answers and all(word in heard[-1] for word in words)

    state = await slack.wait_for(told, f"{user} is told {words} in private", timeout)
    return private(state, user)


def _text(part: Any) -> str:
    return "".join(_pieces(part))


def _pieces(part: Any) -> Iterator[str]:
    match part:
        case {"type": "user", "user_id": str(user)}:
            yield f"<@{user}>"
        case {"type": "usergroup", "usergroup_id": str(group)}:
            yield f"<!subteam^{group}>"
        case {"type": "channel", "channel_id": str(channel)}:
            yield f"<#{channel}>"
        case {"type": "date", "fallback": str(date)}:
            yield date
        case {"text": str(text)}:
            yield text
        case dict():
            for key in ("text", "elements", "fields"):
                yield from _pieces(part.get(key))
        case list():
            for item in part:
                yield from _pieces(item)


def raw(message: Message | None) -> str:
    """Return a message as JSON, for what must not be in it anywhere."""
    return json.dumps(message, ensure_ascii=False)
