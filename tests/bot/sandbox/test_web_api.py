"""The Web API answers as Slack's does: success, refusals, what is stored."""

from __future__ import annotations

from typing import Any

import aiohttp
import pytest
from slack_sdk.web.async_client import AsyncWebClient

from bot.sandbox import Sandbox, SandboxClient

from .conftest import APPROVALS, card, refused

LONG = "x" * 4001


async def _post(sandbox: Sandbox, method: str, **kwargs: Any) -> dict[str, Any]:
    url = sandbox.api_url + method
    async with aiohttp.ClientSession() as session, session.post(url, **kwargs) as response:
        assert 200 == response.status
        answer: dict[str, Any] = await response.json()
        return answer


@pytest.mark.parametrize(
    ("method", "args", "error"),
    [
        ("chat.postMessage", {"text": "x"}, "channel_not_found"),
        ("chat.postMessage", {"channel": "C404", "text": "x"}, "channel_not_found"),
        ("chat.postMessage", {"channel": "U0GONE", "text": "x"}, "channel_not_found"),
        ("chat.postMessage", {"channel": "U0EXT", "text": "x"}, "channel_not_found"),
        ("chat.postMessage", {"channel": "C0GENERAL", "text": "x"}, "not_in_channel"),
        ("chat.postMessage", {"channel": APPROVALS}, "no_text"),
        ("chat.postMessage", {"channel": APPROVALS, "blocks": "["}, "invalid_blocks_format"),
        (
            "chat.postMessage",
            {"channel": APPROVALS, "text": "x", "attachments": [{}] * 101},
            "too_many_attachments",
        ),
        (
            "chat.postMessage",
            {"channel": APPROVALS, "text": "x", "markdown_text": "x"},
            "markdown_text_conflict",
        ),
        (
            "chat.postMessage",
            {"channel": APPROVALS, "markdown_text": "x" * 12_001},
            "msg_too_long",
        ),
        ("chat.postMessage", {"channel": APPROVALS, "blocks": [{}]}, "invalid_blocks"),
        (
            "chat.postMessage",
            {"channel": APPROVALS, "text": "x", "metadata": {"event_type": "x"}},
            "invalid_metadata_format",
        ),
        ("chat.update", {"channel": APPROVALS, "ts": "1.0", "text": "x"}, "message_not_found"),
        ("chat.update", {"channel": APPROVALS, "ts": "1.0", "text": LONG}, "msg_too_long"),
        ("chat.update", {"channel": "U0ANA", "ts": "1.0", "text": "x"}, "channel_not_found"),
        ("chat.update", {"channel": APPROVALS, "text": "x"}, "invalid_arguments"),
        ("chat.delete", {"channel": APPROVALS, "ts": "1.0"}, "message_not_found"),
        (
            "chat.postEphemeral",
            {"channel": APPROVALS, "user": "U0EXT", "text": "x"},
            "user_not_in_channel",
        ),
        (
            "chat.getPermalink",
            {"channel": APPROVALS, "message_ts": "1.0"},
            "message_not_found",
        ),
        ("users.info", {"user": "U404"}, "user_not_found"),
        ("usergroups.users.list", {"usergroup": "S404"}, "no_such_subteam"),
        ("conversations.info", {"channel": "C404"}, "channel_not_found"),
        ("conversations.history", {"channel": "C0GENERAL"}, "not_in_channel"),
        ("conversations.replies", {"channel": APPROVALS, "ts": "1.0"}, "thread_not_found"),
        ("conversations.list", {"types": "nonsense"}, "invalid_types"),
        ("conversations.open", {}, "users_list_not_supplied"),
        ("conversations.open", {"users": "U404"}, "user_not_found"),
        ("conversations.open", {"users": "U0GONE"}, "user_disabled"),
        ("conversations.members", {"channel": APPROVALS, "cursor": "?"}, "invalid_cursor"),
        ("conversations.members", {"channel": APPROVALS, "limit": "0"}, "invalid_limit"),
        ("views.open", {"trigger_id": "1.2.3", "view": {}}, "invalid_arguments"),
        ("views.update", {"view_id": "V404", "view": {}}, "not_found"),
        ("views.publish", {"user_id": "U404", "view": {}}, "user_not_found"),
        ("apps.connections.open", {}, "not_allowed_token_type"),
        ("no.such.method", {}, "unknown_method"),
    ],
)
async def test_refusals_use_slacks_words(
    sandbox: Sandbox, method: str, args: dict[str, Any], error: str
) -> None:
    """Every refusal is `ok: false` with HTTP 200 and Slack's error word."""
    answer = await _post(
        sandbox, method, json=args, headers={"Authorization": f"Bearer {sandbox.bot_token}"}
    )
    assert (False, error) == (answer["ok"], answer["error"])


@pytest.mark.parametrize(
    ("kwargs", "error"),
    [
        ({"json": {}}, "not_authed"),
        ({"json": {"token": "xoxb-sandbox"}}, "not_authed"),
        ({"data": {"token": "xoxb-wrong"}}, "invalid_auth"),
        ({"data": {"token": "xapp-sandbox"}}, "not_allowed_token_type"),
        ({"data": b"{", "headers": {"Content-Type": "application/json"}}, "invalid_json"),
        ({"data": b"[]", "headers": {"Content-Type": "application/json"}}, "json_not_object"),
        ({"data": b"x", "headers": {"Content-Type": "text/plain"}}, "invalid_post_type"),
    ],
)
async def test_bad_credentials_and_bodies_are_refused(
    sandbox: Sandbox, kwargs: dict[str, Any], error: str
) -> None:
    """Token and body are checked before anything else."""
    assert error == (await _post(sandbox, "auth.test", **kwargs))["error"]


async def test_a_token_may_come_as_a_form_field(sandbox: Sandbox) -> None:
    """Form bodies can carry the token."""
    answer = await _post(sandbox, "auth.test", data={"token": sandbox.bot_token})
    assert (True, "U0SIGNOFF", "T0SANDBOX") == (
        answer["ok"],
        answer["user_id"],
        answer["team_id"],
    )


async def test_auth_test_lists_the_granted_scopes(web: AsyncWebClient) -> None:
    """The granted scopes are in the `x-oauth-scopes` header."""
    answer = await web.auth_test()
    assert "chat:write" in answer.headers["x-oauth-scopes"].split(",")


@pytest.mark.parametrize(
    ("method", "args", "needed"),
    [
        ("chat.postMessage", {"channel": APPROVALS, "text": "x"}, "chat:write"),
        ("users.info", {"user": "U0ANA"}, "users:read"),
        ("usergroups.list", {}, "usergroups:read"),
        ("conversations.info", {"channel": APPROVALS}, "channels:read"),
        ("conversations.info", {"channel": "C0PRIVATE"}, "groups:read"),
        ("conversations.history", {"channel": APPROVALS}, "channels:history"),
        ("conversations.open", {"users": "U0ANA"}, "im:write"),
        ("team.info", {}, "team:read"),
    ],
)
async def test_a_missing_scope_is_named(
    web: AsyncWebClient, client: SandboxClient, method: str, args: dict[str, Any], needed: str
) -> None:
    """`missing_scope` says what is needed and what the token has."""
    await client.edit_workspace(scopes=["commands"])
    answer = await refused(web.api_call(method, json=args))
    assert ("missing_scope", needed, "commands") == (
        answer["error"],
        answer["needed"],
        answer["provided"],
    )


async def test_timestamps_are_unique_and_increase(web: AsyncWebClient) -> None:
    """Two messages at the same instant have different, ordered timestamps."""
    found = [(await web.chat_postMessage(channel=APPROVALS, text="x"))["ts"] for _ in range(3)]
    assert sorted(set(found)) == found
    assert [6, 6, 6] == [len(ts.split(".")[1]) for ts in found]


async def test_posting_to_a_person_opens_the_direct_message(
    web: AsyncWebClient, client: SandboxClient
) -> None:
    """A user id as channel opens the DM, and the answer carries its D id."""
    answer = await web.chat_postMessage(channel="U0ANA", text="hello")
    state = await client.state()
    assert state.direct_channel("U0ANA") == answer["channel"]
    assert "D" == answer["channel"][0]
    await web.chat_update(channel=answer["channel"], ts=answer["ts"], text="changed")
    assert "changed" == (await client.messages(answer["channel"]))[0]["text"]


async def test_stored_blocks_get_ids_and_flags(web: AsyncWebClient) -> None:
    """What Slack stores differs from what was sent: block ids and text flags are filled in."""
    answer = await web.chat_postMessage(channel=APPROVALS, text="x", blocks=card())
    first, second = answer["message"]["blocks"]
    assert (5, "decide", False) == (
        len(first["block_id"]),
        second["block_id"],
        first["text"]["verbatim"],
    )


async def test_an_update_without_blocks_removes_them(
    web: AsyncWebClient, client: SandboxClient
) -> None:
    """chat.update with text alone drops the buttons and marks the message as edited."""
    ts = (await web.chat_postMessage(channel=APPROVALS, text="x", blocks=card()))["ts"]
    await web.chat_update(channel=APPROVALS, ts=ts, text="done")
    message = (await client.messages(APPROVALS))[0]
    assert (False, True) == ("blocks" in message, "edited" in message)
    await web.chat_update(channel=APPROVALS, ts=ts, text="x", blocks=card())
    assert 2 == len((await client.messages(APPROVALS))[0]["blocks"])


async def test_only_own_messages_can_be_changed(web: AsyncWebClient, client: SandboxClient) -> None:
    """The bot can neither update nor delete a person's message."""
    ts = await client.say("U0ANA", APPROVALS, "mine")
    update = await refused(web.chat_update(channel=APPROVALS, ts=ts, text="x"))
    delete = await refused(web.chat_delete(channel=APPROVALS, ts=ts))
    assert ("cant_update_message", "cant_delete_message") == (update["error"], delete["error"])


async def test_ephemerals_can_not_be_updated(web: AsyncWebClient, client: SandboxClient) -> None:
    """An ephemeral is seen by one person, and its ts is no message for chat.update."""
    answer = await web.chat_postEphemeral(channel=APPROVALS, user="U0ANA", text="psst")
    ts = answer["message_ts"]
    assert (["psst"], []) == (
        [message["text"] for message in await client.ephemerals("U0ANA")],
        await client.ephemerals("U0BEN"),
    )
    update = await refused(web.chat_update(channel=APPROVALS, ts=ts, text="x"))
    assert "message_not_found" == update["error"]


async def test_archived_and_left_channels_refuse(
    web: AsyncWebClient, client: SandboxClient
) -> None:
    """is_archived, and channel_not_found for a private channel the bot is not in."""
    await client.edit_workspace(
        channels={APPROVALS: {"is_archived": True}, "C0PRIVATE": {"members": ["U0ANA"]}}
    )
    archived = await refused(web.chat_postMessage(channel=APPROVALS, text="x"))
    private = await refused(web.chat_postMessage(channel="C0PRIVATE", text="x"))
    assert ("is_archived", "channel_not_found") == (archived["error"], private["error"])


async def test_public_posting_scope_needs_no_membership(
    web: AsyncWebClient, client: SandboxClient
) -> None:
    """chat:write.public allows posting to public channels the bot has not joined."""
    await client.edit_workspace(scopes=["chat:write", "chat:write.public"])
    assert (await web.chat_postMessage(channel="C0GENERAL", text="x"))["ok"]


async def test_long_text_is_cut_on_post(web: AsyncWebClient) -> None:
    """chat.postMessage cuts text at 40,000 characters instead of refusing it."""
    answer = await web.chat_postMessage(channel=APPROVALS, text="x" * 40_001)
    assert 40_000 == len(answer["message"]["text"])


async def test_blocks_have_a_cumulative_limit(web: AsyncWebClient) -> None:
    """Blocks that are fine one by one are refused together above about 13,200 characters."""
    blocks = [{"type": "section", "text": {"type": "mrkdwn", "text": "x" * 2900}} for _ in range(5)]
    assert (await web.chat_postMessage(channel=APPROVALS, text="x", blocks=blocks[:4]))["ok"]
    answer = await refused(web.chat_postMessage(channel=APPROVALS, text="x", blocks=blocks))
    assert "msg_blocks_too_long" == answer["error"]


async def test_history_and_threads(web: AsyncWebClient) -> None:
    """History is newest first without replies; metadata comes whole only on request."""
    meta = {"event_type": "signoff", "event_payload": {"id": "r1"}}
    ts = (await web.chat_postMessage(channel=APPROVALS, text="1", metadata=meta))["ts"]
    await web.chat_postMessage(channel=APPROVALS, text="reply", thread_ts=ts)
    await web.chat_postMessage(channel=APPROVALS, text="2")
    history = await web.conversations_history(channel=APPROVALS)
    assert ["2", "1"] == [message["text"] for message in history["messages"]]
    assert ({"event_type": "signoff"}, 1) == (
        history["messages"][1]["metadata"],
        history["messages"][1]["reply_count"],
    )
    whole = await web.conversations_history(
        channel=APPROVALS, include_all_metadata=True, limit=1, latest=ts, inclusive=True
    )
    assert [meta] == [message["metadata"] for message in whole["messages"]]
    replies = await web.conversations_replies(channel=APPROVALS, ts=ts)
    assert ["1", "reply"] == [message["text"] for message in replies["messages"]]


async def test_lists_are_paged(web: AsyncWebClient) -> None:
    """Cursors lead through every page exactly once."""
    first = await web.conversations_members(channel=APPROVALS, limit=4)
    cursor = first["response_metadata"]["next_cursor"]
    second = await web.conversations_members(channel=APPROVALS, limit=4, cursor=cursor)
    assert [
        "U0ANA",
        "U0BEN",
        "U0CHO",
        "U0DAN",
        "U0GUEST",
        "U0SIGNOFF",
    ] == first["members"] + second["members"]
    assert "" == second["response_metadata"]["next_cursor"]


async def test_people_carry_slacks_flags(web: AsyncWebClient) -> None:
    """Guests, strangers and deactivated people are recognisable; fields may be absent."""
    guest = (await web.users_info(user="U0GUEST"))["user"]
    gone = (await web.users_info(user="U0GONE"))["user"]
    stranger = (await web.users_info(user="U0EXT"))["user"]
    bot = (await web.users_info(user="U0SIGNOFF"))["user"]
    assert (True, True, False) == (guest["is_restricted"], gone["deleted"], "tz" in gone)
    assert (True, "T0OTHER", True) == (
        stranger["is_stranger"],
        stranger["team_id"],
        bot["is_bot"],
    )


async def test_user_groups_leave_out_deactivated_people(
    web: AsyncWebClient, client: SandboxClient
) -> None:
    """A deactivated member disappears from the group; disabled groups are hidden."""
    await client.edit_workspace(
        users={"U0BEN": {"deleted": True}}, usergroups={"S0SECURITY": {"disabled": True}}
    )
    users = await web.usergroups_users_list(usergroup="S0OWNERS")
    groups = await web.usergroups_list()
    assert (["U0ANA"], ["S0OWNERS"]) == (
        users["users"],
        [group["id"] for group in groups["usergroups"]],
    )


async def test_permalinks_and_deletion(web: AsyncWebClient, client: SandboxClient) -> None:
    """A permalink names channel and ts; a deleted message is gone."""
    ts = (await web.chat_postMessage(channel=APPROVALS, text="x"))["ts"]
    link = (await web.chat_getPermalink(channel=APPROVALS, message_ts=ts))["permalink"]
    assert link.endswith(f"/archives/{APPROVALS}/p{ts.replace('.', '')}")
    await web.chat_delete(channel=APPROVALS, ts=ts)
    assert [] == await client.messages(APPROVALS)


async def test_requests_are_logged_raw(
    web: AsyncWebClient, client: SandboxClient, sandbox: Sandbox
) -> None:
    """The inspector's log holds the raw body and the answer, never the token."""
    await web.chat_postMessage(channel=APPROVALS, text="hello")
    record = (await client.state()).requests[-1]
    assert ("chat.postMessage", True) == (record["method"], record["answer"]["ok"])
    assert '"text": "hello"' in record["raw"]
    assert sandbox.bot_token not in str(record)
