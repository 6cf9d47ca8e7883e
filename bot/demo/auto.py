"""Owns the demonstration that plays the person too, and says whether all went as promised."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from typing import Any

from rich.console import Console
from rich.text import Text

from ..sandbox.client import SandboxClient, State
from .stage import CHANNEL, Stage, StageFailed, set_stage

__all__ = ["play"]

_APPROVE = "signoff_approve"
_REJECT = "signoff_reject"
_REASON = "Not without a second look at the amount."
_PATIENCE = 20.0


async def play(environ: Mapping[str, str]) -> bool:
    """Approve one action, reject another; return whether just the approved one ran.

    Args:
        environ: The environment.
    """
    console = Console(highlight=False, soft_wrap=True)

    def step(text: str) -> None:
        console.print(Text.assemble(("✓ ", "green"), text))

    async with set_stage(environ) as stage, SandboxClient(stage.url) as slack:
        step("sandbox, server and bot are up, each in a process of its own")
        async with stage.agent("delete", "refund") as lines:
            try:
                async with asyncio.timeout(_PATIENCE):
                    return await _act(stage, slack, lines, step)
            except (TimeoutError, AssertionError, StageFailed) as error:
                console.print(Text.assemble(("✗ ", "red"), str(error) or "it took too long"))
                return False


async def _act(stage: Stage, slack: SandboxClient, lines: asyncio.StreamReader, step: Any) -> bool:
    asked = await _next(lines)
    step("the agent asks to delete a user, and waits")
    ts = await _card(slack, "delete-user")
    step("the card is in the channel")
    await slack.click("U0DAN", channel=CHANNEL, ts=ts, action_id=_APPROVE)
    await slack.wait_for(lambda state: state.ephemerals("U0DAN"), "Dan's private answer")
    step("Dan, who may not decide, clicks Approve: refused, and told so in private")
    await slack.click("U0ANA", channel=CHANNEL, ts=ts, action_id=_APPROVE)
    ran = await _next(lines)
    step(f"Ana clicks Approve: the agent runs it, by {ran.get('by')}")

    refused_ask = await _next(lines)
    step("the agent asks for a refund, and waits")
    ts = await _card(slack, "refund")
    await slack.click("U0BEN", channel=CHANNEL, ts=ts, action_id=_REJECT)
    await slack.wait_for(lambda state: state.views("U0BEN"), "the form for the reason")
    await slack.submit("U0BEN", values={"signoff_reason_text": _REASON})
    refused = await _next(lines)
    step(f"Ben clicks Reject and says why: the agent hears {refused.get('note')!r}")

    right = (
        (asked["event"], ran["event"], ran["id"]) == ("asked", "ran", asked["id"])
        and (refused["event"], refused["id"]) == ("refused", refused_ask["id"])
        and (refused["code"], refused["note"]) == ("approval_denied", _REASON)
        and (stage.marks / "delete").exists()
        and not (stage.marks / "refund").exists()
    )
    if not right:
        raise StageFailed("agent", "did not do what was decided")
    await slack.wait_for(lambda state: _told(state, ts, "Rejected"), "the card's final state")
    step("it ran what was approved and nothing else; both cards and threads say so")
    return True


async def _next(lines: asyncio.StreamReader) -> dict[str, Any]:
    line = await lines.readline()
    if not line:
        raise StageFailed("agent", "ended by itself")
    told: dict[str, Any] = json.loads(line)
    return told


async def _card(slack: SandboxClient, name: str) -> str:
    def found(state: State) -> list[str]:
        return [
            str(message["ts"])
            for message in state.messages(CHANNEL)
            if name in str(message.get("text")) and _APPROVE in json.dumps(message)
        ]

    state = await slack.wait_for(found, f"the card of {name}")
    return found(state)[-1]


def _told(state: State, ts: str, word: str) -> bool:
    shown = json.dumps(state.message(CHANNEL, ts))
    return word in shown and _APPROVE not in shown
