"""The sandbox and the official types agree on what a block, a view and an event is."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from slack_sdk.web.async_client import AsyncWebClient

from bot.sandbox import Sandbox, SandboxClient
from bot.sandbox.blocks import BlockCheck, Surface
from tests.bot.sandbox import test_newer_blocks
from tests.bot.sandbox.conftest import card, modal

from .official import payload_problems, problems
from .outgoing import GOLDEN, outgoing, text_of

Schemas = dict[str, dict[str, Any]]


def _plain(text: str) -> dict[str, Any]:
    return {"type": "plain_text", "text": text}


BUTTON = {"type": "button", "action_id": "a", "text": _plain("Go")}
SECTION = {"type": "rich_text_section", "elements": [{"type": "text", "text": "x"}]}

GOOD: list[dict[str, Any]] = [
    *card(),
    {"type": "section", "fields": [_plain("x")], "accessory": BUTTON},
    {"type": "header", "text": _plain("x")},
    {"type": "divider", "block_id": "d"},
    {"type": "context", "elements": [{"type": "mrkdwn", "text": "x"}]},
    {"type": "image", "image_url": "https://example.com/x.png", "alt_text": "x"},
    {"type": "markdown", "text": "x"},
    {"type": "rich_text", "elements": [
        SECTION,
        {"type": "rich_text_preformatted", "elements": [{"type": "text", "text": "x"}]},
        {"type": "rich_text_list", "style": "bullet", "indent": 1, "elements": [SECTION]},
    ]},
    {"type": "table", "rows": [[test_newer_blocks.CELL]]},
    {"type": "data_table", "caption": "x", "rows": [[test_newer_blocks.CELL]] * 2},
    test_newer_blocks.CARD,
    {"type": "container", "title": _plain("x"), "child_blocks": [{"type": "divider"}]},
    {"type": "context_actions", "elements": [test_newer_blocks.ICON | {"action_id": "i"}]},
    test_newer_blocks.TASK,
    test_newer_blocks.VIDEO,
]  # fmt: skip

BAD: list[dict[str, Any]] = [
    {"type": "nonsense"},
    {"type": "section", "text": _plain("x"), "colour": "red"},
    {"type": "header", "text": {"type": "mrkdwn", "text": "x"}},
    {"type": "header"},
    {"type": "actions"},
    {"type": "actions", "elements": [BUTTON | {"style": "green"}]},
    {"type": "actions", "elements": [BUTTON | {"text": {"type": "mrkdwn", "text": "x"}}]},
    {"type": "input", "label": _plain("x")},
    {"type": "rich_text", "elements": [{"type": "rich_text_table", "elements": []}]},
    {"type": "card", "title": _plain("x")},
    {"type": "table"},
    test_newer_blocks.TASK | {"status": "lost"},
]


@pytest.mark.parametrize("block", GOOD, ids=lambda block: block["type"])
def test_what_the_sandbox_accepts_is_official(schemas: Schemas, block: dict[str, Any]) -> None:
    """A block that passes our check has the shape of the official types."""
    check = BlockCheck(Surface.MESSAGE)
    check.blocks([block], "", 50)
    assert [] == check.errors
    assert [] == problems(schemas["strict"], "Blocks", [block])


@pytest.mark.parametrize("block", BAD, ids=lambda block: block["type"])
def test_what_the_types_refuse_is_refused(schemas: Schemas, block: dict[str, Any]) -> None:
    """A block without the official shape does not pass our check either."""
    check = BlockCheck(Surface.MESSAGE)
    check.blocks([block], "", 50)
    assert problems(schemas["strict"], "Blocks", [block])
    assert check.errors


def test_views_are_official(schemas: Schemas) -> None:
    """So are the views of our tests."""
    assert [] == problems(schemas["strict"], "AnyView", modal())
    assert [] == problems(schemas["strict"], "AnyView", {"type": "home", "blocks": card()})


async def test_the_committed_schema_is_that_of_the_pinned_types(node_folder: Path) -> None:
    """What all tests judge messages by; `python -m tests.interop.outgoing` writes it anew."""
    committed = (GOLDEN / "outgoing.schema.json").read_text(encoding="utf-8")
    assert committed == text_of(await outgoing(node_folder))


async def test_a_revocation_is_official(
    sandbox: Sandbox, client: SandboxClient, schemas: Schemas
) -> None:
    """tokens_revoked, also when nobody is there to take it."""
    assert await client.faults.revoke() is not None
    deliveries = (await client.state()).deliveries
    assert [] == payload_problems(schemas["sent"], deliveries[0])


async def test_a_click_in_the_home_is_official(
    sandbox: Sandbox, client: SandboxClient, schemas: Schemas
) -> None:
    """Clicks in a home and in a thread's ephemeral have the official shape too."""
    web = AsyncWebClient(token=sandbox.bot_token, base_url=sandbox.api_url)
    home = await web.views_publish(user_id="U0ANA", view={"type": "home", "blocks": card()})
    private = await web.chat_postEphemeral(
        channel="C0APPROVALS", user="U0ANA", text="x", blocks=card()
    )
    await client.click("U0ANA", action_id="approve", view_id=home["view"]["id"])
    await client.click("U0ANA", action_id="deny", channel="C0APPROVALS", ts=private["message_ts"])
    deliveries = (await client.state()).deliveries
    assert len(deliveries) == 2
    assert [] == [
        problem for item in deliveries for problem in payload_problems(schemas["sent"], item)
    ]
