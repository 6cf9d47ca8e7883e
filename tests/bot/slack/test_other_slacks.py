"""Other Slacks: what programs that speak Slack's Web API leave out, and what that may cost.

What Slack documents as optional, or sends and is needed for nothing, may be missing. What a check
is made from may not: then nobody's answer counts, and the log says what was missing.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any

import pytest

from bot.directory import LookupFailed
from bot.messenger import DeliveryFailed, Mark, Message, Posted
from bot.slack.directory import SlackDirectory
from bot.slack.inspection import Inspection
from bot.slack.messenger import SlackMessenger
from bot.slack.workspace import Workspace, check_app_token, look_around
from gate import ApprovalStatus, ConfigError
from tests.bot.slack.edge import Edge, client_of, slack_edge
from tests.bot.slack.office import APPROVE, CHANNEL, NEXT, REVIEW, TEAM, Office

NOW = datetime(2026, 1, 1, tzinfo=UTC)
HELLO = Message("hello", [{"type": "divider", "block_id": "a"}])
TOKEN = b'{"ok":true,"team_id":"T1","user_id":"U9","bot_id":"B1"}'
NOT_THERE = {
    "a word": (200, b'{"ok":false,"error":"unknown_method"}'),
    "a number": (404, b'{"message":"Not Found"}'),
    "a page": (404, b"<html>nothing here</html>"),
    "another verb": (405, b"{}"),
}
LACKING = pytest.mark.parametrize("how", NOT_THERE)


@pytest.fixture
async def edge() -> AsyncIterator[Edge]:
    async with slack_edge() as running:
        yield running


def lacks(edge: Edge, method: str, how: str) -> None:
    edge.statuses[method], edge.answers[method] = NOT_THERE[how]


async def refusal(call: Any) -> ConfigError:
    with pytest.raises(ConfigError) as caught:
        await call
    return caught.value


@LACKING
async def test_channels_that_cannot_be_looked_at(
    edge: Edge, caplog: pytest.LogCaptureFixture, how: str
):
    """Without conversations.info the bot starts all the same, and says what it could not see."""
    edge.answers["auth.test"] = TOKEN
    lacks(edge, "conversations.info", how)
    async with client_of(edge.url) as client:
        found = await look_around(client, channels=["C1", "C2"])
    assert Workspace("T1", "", "U9", "B1") == found
    assert 1 == caplog.text.count("workspace.channels_unknown")


@LACKING
async def test_an_address_where_no_web_api_is(edge: Edge, how: str):
    """Where not even auth.test is, it is the address that is wrong, and no token."""
    lacks(edge, "auth.test", how)
    async with client_of(edge.url) as client:
        assert "SLACK_API_URL" == (await refusal(look_around(client, channels=[]))).setting


@LACKING
async def test_no_socket_mode(edge: Edge, how: str):
    """Where there are no connections the sentence names the other way in."""
    lacks(edge, "apps.connections.open", how)
    async with client_of(edge.url) as client:
        error = await refusal(check_app_token(client, "xapp-1"))
    assert "SLACK_APP_TOKEN" == error.setting
    assert "SLACK_SIGNING_SECRET" in error.reason


@pytest.mark.parametrize("url", [None, "", 7, "https://a.example/"])
async def test_a_connection_to_nowhere(edge: Edge, url: object):
    """An answer without an address would be asked for again and again."""
    edge.body = json.dumps({"ok": True, "url": url}).encode()
    async with client_of(edge.url) as client:
        assert "address" in (await refusal(check_app_token(client, "xapp-1"))).reason


@pytest.mark.parametrize("url", ["ws://127.0.0.1:1/a", "wss://a.example/b"])
async def test_a_connection_with_and_without_tls(edge: Edge, url: str):
    """On one machine it need not be encrypted."""
    edge.body = json.dumps({"ok": True, "url": url}).encode()
    async with client_of(edge.url) as client:
        await check_app_token(client, "xapp-1")


async def test_a_token_that_names_no_bot(edge: Edge, caplog: pytest.LogCaptureFixture):
    """Ids of the bot that are missing are said: its own messages are known by them."""
    edge.answers["auth.test"] = b'{"ok":true,"team_id":"T1","bot_id":null}'
    async with client_of(edge.url) as client:
        found = await look_around(client, channels=[])
    assert Workspace("T1", "", "", "") == found
    assert not found.posted({"bot_id": ""})
    assert not found.posted({"user": ""})
    assert 2 == caplog.text.count("workspace.incomplete")


@pytest.mark.parametrize(
    ("message", "ours"),
    [
        ({"bot_id": "B1", "user": "U9"}, True),
        ({"bot_id": "B1"}, True),
        ({"user": "U9"}, True),
        ({"bot_id": None, "user": "U9"}, True),
        ({"bot_id": "B2", "user": "U9"}, False),
        ({"user": "U1"}, False),
        ({}, False),
    ],
)
def test_whose_a_message_is(message: dict[str, Any], ours: bool):
    """By its bot where one is named, else by its user."""
    assert ours is Workspace("T1", "Team", "U9", "B1").posted(message)


@LACKING
async def test_no_ephemeral_messages(edge: Edge, how: str):
    """Who cannot be told in the channel is told directly."""
    lacks(edge, "chat.postEphemeral", how)
    async with client_of(edge.url) as client:
        await SlackMessenger(client).tell("C1", "U1", HELLO)
    assert ["chat.postEphemeral", "chat.postMessage"] == [method for method, _ in edge.calls]


@LACKING
async def test_no_history(edge: Edge, how: str):
    """Where there is no history nothing is found, and nobody waits for it."""
    lacks(edge, "conversations.history", how)
    here = Workspace("T1", "Team", "U9", "B1")
    mark = Mark("card", key="x", nonce="n", slot="card")
    async with client_of(edge.url) as client:
        messenger = SlackMessenger(client, own=here.posted)
        assert [] == list(await messenger.find("C1", mark, since=NOW))


async def test_a_post_that_does_not_say_where(edge: Edge):
    """A message to a channel is in that channel; one to a person could be anywhere."""
    edge.body = b'{"ok":true,"ts":"1.1"}'
    async with client_of(edge.url) as client:
        messenger = SlackMessenger(client)
        assert Posted("C1", "1.1") == await messenger.post("C1", HELLO)
        with pytest.raises(DeliveryFailed) as caught:
            await messenger.post("U1", HELLO)
    assert "malformed_answer" == caught.value.reason


@LACKING
async def test_lookups_that_are_not_there(edge: Edge, how: str):
    """All say it with one word, and nobody is looked up."""
    for method in ("users.info", "usergroups.users.list", "conversations.info"):
        lacks(edge, method, how)
    async with client_of(edge.url) as client:
        directory = SlackDirectory(client, team="T1")
        inspection = Inspection(client)
        for call in (
            directory.person("T1", "U1"),
            directory.members("S1"),
            inspection.channel("C1"),
        ):
            with pytest.raises(LookupFailed) as caught:
                await call
            assert "unknown_method" == caught.value.reason


async def test_no_user_groups(at: Office, caplog: pytest.LogCaptureFixture):
    """Who is named may answer; who could only be of a group is refused, and the log says why."""
    ts = await at.ask()
    await at.people.faults.refuse("unknown_method", method="usergroups.users.list")
    assert (await at.click("U0CHO", ts)).ok
    assert "could not be checked" in (await at.answers("U0CHO"))[-1]
    [line] = [text for text in caplog.messages if "person.not_checked" in text]
    assert "unknown_method" in line
    assert (await at.click("U0ANA", ts)).ok
    assert ApprovalStatus.APPROVED is (await at.found()).status


async def button_of_home(at: Office) -> dict[str, Any]:
    """Return a click on Approve in Ana's home, as Slack sends it."""
    await at.people.open_home("U0ANA")
    view = await at.home("U0ANA")
    rows = [block for block in view["blocks"] if block["type"] == "actions"]
    return next(each for each in rows[0]["elements"] if each["action_id"] == APPROVE)


def bare(action: dict[str, Any], **more: Any) -> dict[str, Any]:
    """Return a click as lean as can be."""
    pressed = {"action_id": action["action_id"], "value": action["value"], "type": "button"}
    return {
        "type": "block_actions",
        "user": {"id": "U0ANA"},
        "team": {"id": TEAM},
        "actions": [pressed],
    } | more


async def test_a_click_in_a_home_that_does_not_say_so(at: Office):
    """A button of a home is good for its person, wherever it is said to be; for no other."""
    await at.ask()
    action = await button_of_home(at)
    nowhere = {"channel": {"id": "", "name": ""}, "container": {"type": "message"}}
    assert (await at.people.deliver(bare(action, **nowhere, user={"id": "U0BEN"}))).ok
    assert [("slack:T0SANDBOX:U0BEN", "foreign_card", "home")] == await at.refusals()
    assert (await at.people.deliver(bare(action, **nowhere))).ok
    assert ApprovalStatus.APPROVED is (await at.found()).status


async def test_a_button_of_a_card_without_its_message(at: Office):
    """A card's button is good on that card only."""
    ts = await at.ask()
    [card] = [m for m in (await at.people.state()).messages(CHANNEL) if m["ts"] == ts]
    rows = [block for block in card["blocks"] if block["type"] == "actions"]
    approve = next(each for each in rows[0]["elements"] if each["action_id"] == APPROVE)
    assert (await at.people.deliver(bare(approve))).ok
    assert [("slack:T0SANDBOX:U0ANA", "foreign_card", "home")] == await at.refusals()
    assert not (await at.people.deliver(bare(approve, channel={"id": CHANNEL}))).ok
    assert (await at.people.deliver(bare(approve, channel={"id": CHANNEL}, message={"ts": ts}))).ok
    assert ApprovalStatus.APPROVED is (await at.found()).status


async def test_clicks_that_nothing_tells_apart(at: Office):
    """Without time and trigger each click is one of its own: a form opens as often as asked."""
    ts = await at.ask()
    [card] = [m for m in (await at.people.state()).messages(CHANNEL) if m["ts"] == ts]
    rows = [block for block in card["blocks"] if block["type"] == "actions"]
    approve = next(each for each in rows[0]["elements"] if each["action_id"] == APPROVE)
    click = bare(approve, channel={"id": CHANNEL}, message={"ts": ts}, user={"id": "U0DAN"})
    for _ in range(2):
        assert (await at.people.deliver(click)).ok
    assert 2 == len(await at.refusals())


async def test_commands_that_nothing_tells_apart(at: Office):
    """Without a trigger the second list is a list too."""
    await at.ask()
    call = {
        "command": "/signoff",
        "text": "list",
        "team_id": TEAM,
        "user_id": "U0ANA",
        "channel_id": CHANNEL,
    }
    for _ in range(2):
        done = await at.people.deliver(call, kind="slash_commands")
        assert "act-x" in json.dumps(done.answer)


async def test_views_without_a_hash(at: Office):
    """A page turns without it; with it, of two clicks only the first turns it."""
    ts = await at.ask(payload={"text": "\n".join(f"line {number}" for number in range(700))})
    assert (await at.click("U0ANA", ts, REVIEW)).ok
    view = dict(await at.view("U0ANA"))
    first = view["blocks"]
    del view["hash"]
    rows = [block for block in first if block["type"] == "actions"]
    turn = next(each for row in rows for each in row["elements"] if each["action_id"] == NEXT)
    assert (await at.people.deliver(bare(turn, view=view))).ok
    assert first != (await at.view("U0ANA"))["blocks"]
