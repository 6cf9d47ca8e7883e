"""The page in a real browser: people click, type and see what the app did."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import pytest
from aiohttp import web as aioweb
from slack_bolt.adapter.aiohttp import to_aiohttp_response, to_bolt_request
from slack_bolt.app.async_app import AsyncApp
from slack_sdk.web.async_client import AsyncWebClient

from bot.sandbox import Sandbox, SandboxClient
from tests.support.browser import Page, browser_page
from tests.support.waiting import wait_until

from .conftest import APPROVALS, card, modal
from .small_app import endpoint


@pytest.fixture
async def notes(sandbox: Sandbox, web: AsyncWebClient) -> AsyncIterator[list[str]]:
    """The notes of denials that a small Bolt app received."""
    found: list[str] = []
    app = AsyncApp(client=web, signing_secret=sandbox.signing_secret)

    @app.action("deny")
    async def deny(ack: Any, body: dict[str, Any], client: AsyncWebClient) -> None:
        await ack()
        await client.views_open(trigger_id=body["trigger_id"], view=modal())

    @app.view("note")
    async def submitted(ack: Any, view: dict[str, Any]) -> None:
        await ack()
        found.append(view["state"]["values"]["why"]["text"]["value"])

    async def events(request: aioweb.Request) -> aioweb.StreamResponse:
        response = await app.async_dispatch(await to_bolt_request(request))
        return await to_aiohttp_response(response)

    server = aioweb.Application()
    server.router.add_post("/slack/events", events)
    runner = aioweb.AppRunner(server)
    await runner.setup()
    await aioweb.TCPSite(runner, "127.0.0.1", 0).start()
    sandbox.request_url = f"http://127.0.0.1:{runner.addresses[0][1]}/slack/events"
    yield found
    await runner.cleanup()


@pytest.fixture
async def page(tmp_path: Path, sandbox: Sandbox) -> AsyncIterator[Page]:
    async with browser_page(tmp_path / "profile") as opened:
        await opened.open(f"{sandbox.url}/?as=U0ANA&theme=light")
        yield opened
        assert [] == opened.errors


async def test_a_person_works_on_the_page(
    page: Page, web: AsyncWebClient, client: SandboxClient, notes: list[str]
) -> None:
    """Button, modal with a required field, thread, another person, failed click, inspector."""
    ts = (await web.chat_postMessage(channel=APPROVALS, text="x", blocks=card()))["ts"]

    await page.click("action-deny")
    await page.until("document.getElementById('modal').open")
    await page.click("modal-submit")
    await page.until("document.querySelector('.input-error') !== null")
    await page.value("document.querySelector('#modal input').focus()")
    await page.type("too risky")
    await page.click("modal-submit")
    await page.until("!document.getElementById('modal').open")
    assert ["too risky"] == notes

    await page.click(f"reply-{ts}")
    await page.until("document.activeElement.id === 'thread-text'")
    await page.type("<b>not markup</b> *but bold*")
    await page.enter()
    await page.until("document.querySelectorAll('#thread-feed article').length === 2")
    shown = "document.querySelector('#thread-feed article:last-child .message-text')"
    assert "<b>not markup</b> but bold" == await page.value(f"{shown}.textContent")
    assert ["STRONG"] == await page.value(
        f"[...{shown}.querySelectorAll('b, strong')].map((node) => node.tagName)"
    )
    assert ["U0ANA"] == [message["user"] for message in await client.thread(APPROVALS, ts)]

    await page.click("act-as-U0BEN")
    await page.until("document.getElementById('me').textContent.includes('Ben')")
    await page.click("action-approve")
    await page.until("document.querySelector('.failure') !== null")
    await page.click("inspector-toggle")
    await page.until("document.querySelector('#records .is-bad') !== null")


async def test_others_do_not_see_an_ephemeral(
    page: Page, web: AsyncWebClient, client: SandboxClient
) -> None:
    """An ephemeral appears for its reader, marked, and for nobody else."""
    await web.chat_postEphemeral(channel=APPROVALS, user="U0DAN", text="psst")
    await client.say("U0BEN", APPROVALS, "hi")
    await page.until("document.querySelectorAll('#feed article').length === 1")
    await page.click("act-as-U0DAN")
    await page.until("document.querySelectorAll('#feed article').length === 2")
    assert await page.value(
        "document.querySelector('.is-ephemeral').textContent.includes('Only visible to you')"
    )


async def test_shortcuts_commands_and_files_are_on_the_page(
    page: Page, sandbox: Sandbox, web: AsyncWebClient, client: SandboxClient
) -> None:
    """A message's menu, what a slash offers, a file in the thread, and what the app refused."""
    await client.edit_workspace(
        shortcuts=[
            {"name": "Who can decide this?", "callback_id": "who"},
            {"name": "New request", "callback_id": "new", "type": "global"},
        ]
    )
    ts = str((await web.chat_postMessage(channel=APPROVALS, text="x", blocks=card()))["ts"])
    async with endpoint(sandbox) as app:
        await page.click(f"more-{ts}")
        await page.click("shortcut-who")
        await wait_until(lambda: app.received, "the shortcut")
        assert ts == app.received[0].payload["message"]["ts"]

        await page.value("document.getElementById('composer-text').focus()")
        await page.type("/si")
        await page.until("!document.getElementById('suggestions').hidden")
        await page.enter()
        await page.type("ask @ben")
        await page.enter()
        await wait_until(lambda: len(app.received) == 2, "the command")
        assert ["/signoff", "ask <@U0BEN|ben>"] == [
            parse_qs(app.received[1].body)[key][0] for key in ("command", "text")
        ]
        await page.value("document.getElementById('composer-text').focus()")
        await page.type("/new")
        await page.click("suggestion-New request")
        await wait_until(lambda: len(app.received) == 3, "the global shortcut")
        assert "shortcut" == app.received[2].payload["type"]

        app.statuses = [500]
        await page.click("channel-home")
        await page.until("document.getElementById('toast').textContent.includes('http_500')")
        assert "home" == app.received[3].payload["event"]["tab"]

    await web.files_upload_v2(
        channel=APPROVALS, thread_ts=ts, filename="change.diff", content="--- a", title="The change"
    )
    await page.click(f"channel-{APPROVALS}")
    await page.click(f"open-thread-{ts}")
    await page.until("document.querySelector('#thread-feed .file') !== null")
    assert "The change" in await page.value("document.querySelector('.file').textContent")


def _rich(kind: str, text: str) -> dict[str, Any]:
    return {"type": kind, "elements": [{"type": "text", "text": text}]}


@pytest.mark.parametrize("width", [390, 1280])
async def test_rich_text_is_shown_whole(page: Page, web: AsyncWebClient, width: int) -> None:
    """Line breaks of text, quotes and list items are kept; long code wraps and hides nothing."""
    code = "\n".join([f"line {number}" for number in range(60)] + ["x" * 2000])
    item = _rich("rich_text_section", "one\ntwo\nthree")
    parts = [
        item,
        _rich("rich_text_quote", "one\ntwo\nthree"),
        {"type": "rich_text_list", "style": "bullet", "elements": [item]},
        _rich("rich_text_preformatted", code),
    ]
    blocks = [
        {"type": "rich_text", "elements": parts},
        {"type": "section", "text": {"type": "mrkdwn", "text": f"```{code}```"}},
    ]
    await web.chat_postMessage(channel=APPROVALS, text="x", blocks=blocks)
    await page.call(
        "Emulation.setDeviceMetricsOverride",
        width=width, height=844, deviceScaleFactor=1, mobile=False,
    )  # fmt: skip
    await page.until("document.querySelectorAll('#feed pre').length === 2")

    assert ["one\ntwo\nthree"] * 3 == await page.value(
        "['p', 'blockquote', 'li'].map((name) =>"
        " document.querySelector(`.block-rich-text ${name}`).innerText)"
    )
    assert [[True, True]] * 2 == await page.value(
        "[...document.querySelectorAll('#feed pre')].map((node) => ["
        "node.scrollHeight <= node.clientHeight, node.scrollWidth <= node.clientWidth])"
    )
    assert await page.value("document.documentElement.scrollWidth <= innerWidth")
