"""The client: every failed call counts once by its word, and fails as before."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import aiohttp
import pytest
from slack_sdk.errors import SlackApiError

from bot.slack.client import CountedClient
from tests.bot.slack.edge import slack_edge
from tests.support.emitted import Emitted, Sandbox


@asynccontextmanager
async def counted(
    url: str, words: list[str], *, token: str = "xoxb-sandbox"
) -> AsyncIterator[CountedClient]:
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=5)) as session:
        yield CountedClient(token=token, api_url=url, session=session, count=words.append)


async def test_what_works_is_not_counted():
    """A call that Slack takes leaves no word."""
    words: list[str] = []
    async with Sandbox(emitted=Emitted()) as slack, counted(slack.api_url, words) as client:
        assert "T0SANDBOX" == (await client.auth_test())["team_id"]
        await client.chat_postMessage(channel="C0APPROVALS", text="hello")
    assert [] == words


async def test_each_failure_counts_by_its_word():
    """Whichever verb was used, and for the app's own token too."""
    words: list[str] = []
    async with Sandbox(emitted=Emitted()) as slack, counted(slack.api_url, words) as client:
        with pytest.raises(SlackApiError):
            await client.chat_postMessage(channel="C0NONE", text="hello")
        with pytest.raises(SlackApiError):
            await client.views_open(trigger_id="1.2.3", view={"type": "modal"})
        with pytest.raises(SlackApiError):
            await client.apps_connections_open(app_token="xapp-wrong")
        with pytest.raises(SlackApiError):
            await client.api_call("users.info", http_verb="GET", params={"user": "U0NONE"})
    assert 4 == len(words)
    assert ("channel_not_found", "invalid_auth", "user_not_found") == (
        words[0],
        words[2],
        words[3],
    )


async def test_an_outage_counts_and_nothing_is_repeated():
    """One call, one word, one request."""
    words: list[str] = []
    async with slack_edge() as edge, counted(edge.url, words) as client:
        edge.reset = True
        with pytest.raises(aiohttp.ClientError):
            await client.auth_test()
        edge.reset, edge.status = False, 503
        edge.body, edge.kind = b"upstream", "text/html"
        with pytest.raises(SlackApiError):
            await client.auth_test()
        assert 2 == len(edge.calls)
    assert ["unreachable", "http_503"] == words


async def test_nobody_has_to_count():
    """Without metrics it is a client like any other."""
    async with Sandbox() as slack, aiohttp.ClientSession() as session:
        client = CountedClient(token="xoxb-wrong", api_url=slack.api_url, session=session)
        with pytest.raises(SlackApiError, match="invalid_auth"):
            await client.auth_test()
