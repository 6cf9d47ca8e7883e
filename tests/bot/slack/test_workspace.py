"""The look before the start: each thing that cannot work is one clear sentence."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from typing import Any

import pytest
from slack_sdk.web.async_client import AsyncWebClient

from bot.manifest import BOT_SCOPES
from bot.slack.workspace import Workspace, check_app_token, look_around
from gate import ConfigError
from tests.bot.slack.edge import Edge, client_of, slack_edge
from tests.support.emitted import Sandbox


@pytest.fixture
async def slack() -> AsyncIterator[Sandbox]:
    async with Sandbox() as running:
        yield running


@pytest.fixture
async def client(slack: Sandbox) -> AsyncIterator[AsyncWebClient]:
    async with client_of(slack.api_url) as made:
        yield made


@pytest.fixture
async def edge() -> AsyncIterator[Edge]:
    async with slack_edge() as running:
        yield running


async def refusal(call: Any) -> ConfigError:
    with pytest.raises(ConfigError) as caught:
        await call
    assert "xoxb" not in str(caught.value)
    return caught.value


async def test_all_is_well(client: AsyncWebClient):
    """The workspace comes back: what every click is judged by."""
    found = await look_around(client, channels=["C0APPROVALS", "C0PRIVATE", "C0APPROVALS"])
    assert Workspace("T0SANDBOX", "Sandbox", "U0SIGNOFF", "B0SIGNOFF") == found


async def test_each_channel_is_looked_at_once(slack: Sandbox, client: AsyncWebClient):
    """Ten routes to one channel are one question."""
    await look_around(client, channels=["C0APPROVALS"] * 10)
    assert 1 == sum(call.method == "conversations.info" for call in slack.world.requests)


async def test_an_unknown_channel(client: AsyncWebClient):
    """The channel is named, and what may be wrong with it."""
    error = await refusal(look_around(client, channels=["C0APPROVALS", "C0NONE"]))
    assert ("channel C0NONE", "Slack knows no such channel, or the bot cannot see it") == (
        error.setting,
        error.reason,
    )


async def test_an_archived_channel(slack: Sandbox, client: AsyncWebClient):
    """Where nobody can be asked any more, the bot does not start."""
    slack.world.channels["C0APPROVALS"].is_archived = True
    error = await refusal(look_around(client, channels=["C0APPROVALS"]))
    assert ("channel C0APPROVALS", "it is archived") == (error.setting, error.reason)


async def test_a_channel_without_the_bot(client: AsyncWebClient):
    """The sentence says how to let the bot in."""
    error = await refusal(look_around(client, channels=["C0GENERAL"]))
    assert "channel C0GENERAL" == error.setting
    assert "/invite" in error.reason


async def test_a_token_that_slack_does_not_know(slack: Sandbox):
    """A wrong token is named by its variable."""
    async with client_of(slack.api_url, token="xoxb-wrong") as client:
        error = await refusal(look_around(client, channels=[]))
    assert ("SLACK_BOT_TOKEN", "Slack does not know this token") == (error.setting, error.reason)


async def test_a_missing_scope(slack: Sandbox, client: AsyncWebClient):
    """What is missing is named before anything fails for it."""
    slack.world.app.scopes -= {"usergroups:read", "users:read"}
    error = await refusal(look_around(client, channels=[]))
    assert "SLACK_BOT_TOKEN" == error.setting
    assert "usergroups:read, users:read" in error.reason


async def test_a_missing_scope_that_only_a_channel_tells(edge: Edge):
    """Where Slack does not list the scopes, the channel's refusal still names channel and scope."""
    edge.answers["auth.test"] = b'{"ok":true,"team_id":"T1"}'
    edge.says("missing_scope", needed="groups:read")
    async with client_of(edge.url) as client:
        error = await refusal(look_around(client, channels=["G0PRIVATE"]))
    assert ("channel G0PRIVATE", "Slack says missing_scope: groups:read") == (
        error.setting,
        error.reason,
    )


async def test_scopes_that_nobody_tells(edge: Edge, caplog: pytest.LogCaptureFixture):
    """Without the header the start goes on, and says that it could not look."""
    edge.answers["auth.test"] = b'{"ok":true,"team_id":"T1"}'
    async with client_of(edge.url) as client:
        assert "T1" == (await look_around(client, channels=[])).team
    assert "workspace.scopes_unknown" in caplog.text


async def test_scopes_with_spaces(edge: Edge):
    """The header's list is read with and without spaces."""
    edge.answers["auth.test"] = b'{"ok":true,"team_id":"T1"}'
    edge.headers = {"X-OAuth-Scopes": ", ".join([*BOT_SCOPES, "more:read"])}
    async with client_of(edge.url) as client:
        assert "T1" == (await look_around(client, channels=[])).team


@pytest.mark.parametrize("body", [b'{"ok":true}', b'{"ok":true,"team_id":null}'])
async def test_a_token_of_no_workspace(edge: Edge, body: bytes):
    """Without a workspace no click could be judged."""
    edge.answers["auth.test"] = body
    async with client_of(edge.url) as client:
        error = await refusal(look_around(client, channels=[]))
    assert "SLACK_BOT_TOKEN" == error.setting


@pytest.mark.parametrize("channel", [None, "C1", []])
async def test_a_channel_that_slack_says_nothing_about(edge: Edge, channel: Any):
    """An answer without a channel is no channel."""
    edge.answers["auth.test"] = b'{"ok":true,"team_id":"T1"}'
    edge.body = json.dumps({"ok": True, "channel": channel}).encode()
    async with client_of(edge.url) as client:
        error = await refusal(look_around(client, channels=["C1"]))
    assert "channel C1" == error.setting


@pytest.mark.parametrize(
    ("word", "sentence"),
    [
        ("account_inactive", "the token's account is deactivated"),
        ("token_revoked", "the token was revoked"),
        ("not_allowed_token_type", "this is another kind of token"),
        ("something_new", "Slack says something_new"),
    ],
)
async def test_words_become_sentences(edge: Edge, word: str, sentence: str):
    """Known words are explained, others repeated."""
    edge.says(word)
    async with client_of(edge.url) as client:
        assert sentence == (await refusal(look_around(client, channels=[]))).reason


async def test_a_slack_that_is_away(edge: Edge):
    """No answer is said as what it is, not as a wrong token."""
    edge.reset = True
    async with client_of(edge.url) as client:
        error = await refusal(look_around(client, channels=[]))
        assert ("SLACK_API_URL", "Slack cannot be reached from here") == (
            error.setting,
            error.reason,
        )
    edge.reset, edge.hang = False, True
    async with client_of(edge.url, seconds=0.05) as client:
        error = await refusal(look_around(client, channels=[]))
        assert ("SLACK_API_URL", "Slack did not answer in time") == (error.setting, error.reason)


async def test_the_app_token(slack: Sandbox, client: AsyncWebClient):
    """A wrong app token ends the start; the SDK would try for ever."""
    await check_app_token(client, slack.app_token)
    error = await refusal(check_app_token(client, "xapp-wrong"))
    assert ("SLACK_APP_TOKEN", "Slack does not know this token") == (error.setting, error.reason)


async def test_socket_mode_that_is_off(edge: Edge):
    """The switch in the app's settings is named."""
    edge.says("link_disabled")
    async with client_of(edge.url) as client:
        error = await refusal(check_app_token(client, "xapp-1"))
    assert "Socket Mode is switched off for the app" == error.reason
