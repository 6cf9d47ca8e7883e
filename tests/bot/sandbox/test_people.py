"""What people can and can not do, response URLs, the driver, the control API's walls."""

from __future__ import annotations

import asyncio
from typing import Any

import aiohttp
import pytest
from slack_sdk.web.async_client import AsyncWebClient

from bot.sandbox import Clock, Sandbox, SandboxClient, SandboxRefusal, sign
from bot.sandbox.elements import action_of, elements_of, state_values

from .conftest import APPROVALS, card


async def _post(web: AsyncWebClient, channel: str = APPROVALS) -> str:
    return str((await web.chat_postMessage(channel=channel, text="x", blocks=card()))["ts"])


@pytest.mark.parametrize(
    ("user", "channel", "action", "error"),
    [
        ("U404", APPROVALS, "approve", "no_such_person"),
        ("U0SIGNOFF", APPROVALS, "approve", "no_such_person"),
        ("U0GONE", APPROVALS, "approve", "deactivated"),
        ("U0EXT", APPROVALS, "approve", "not_visible"),
        ("U0BEN", "C0PRIVATE", "approve", "not_visible"),
        ("U0ANA", APPROVALS, "explode", "no_such_action"),
        ("U0ANA", "C404", "approve", "no_such_channel"),
        ("U0ANA", "C0GENERAL", "approve", "no_such_message"),
    ],
)
async def test_impossible_clicks_are_refused(
    web: AsyncWebClient, client: SandboxClient, user: str, channel: str, action: str, error: str
) -> None:
    """Slack's client would not offer these; nothing is delivered."""
    stamps = {APPROVALS: await _post(web), "C0PRIVATE": await _post(web, "C0PRIVATE")}
    with pytest.raises(SandboxRefusal) as caught:
        await client.click(
            user, action_id=action, channel=channel, ts=stamps.get(channel, stamps[APPROVALS])
        )
    assert error == caught.value.error
    assert [] == (await client.state()).deliveries


async def test_a_click_on_its_way_can_be_forced(web: AsyncWebClient, client: SandboxClient) -> None:
    """`force` plays the click of somebody who has just been deactivated."""
    ts = await _post(web)
    result = await client.click("U0GONE", action_id="approve", channel=APPROVALS, ts=ts, force=True)
    assert "U0GONE" == result.payload["user"]["id"]


async def test_ephemeral_clicks_carry_no_message(
    web: AsyncWebClient, client: SandboxClient
) -> None:
    """For an ephemeral message Slack sends the container but not the message."""
    answer = await web.chat_postEphemeral(channel=APPROVALS, user="U0ANA", text="x", blocks=card())
    payload = await client.click_payload(
        "U0ANA", action_id="approve", channel=APPROVALS, ts=answer["message_ts"]
    )
    assert (True, False) == (payload["container"]["is_ephemeral"], "message" in payload)
    with pytest.raises(SandboxRefusal, match="no_such_message"):
        await client.click("U0BEN", action_id="approve", channel=APPROVALS, ts=answer["message_ts"])


async def test_private_channels_hide_their_names(
    web: AsyncWebClient, client: SandboxClient
) -> None:
    """Payloads say `privategroup` and `directmessage` instead of a name."""
    names = []
    for channel in ("C0PRIVATE", "U0ANA"):
        posted = await web.chat_postMessage(channel=channel, text="x", blocks=card())
        payload = await client.click_payload(
            "U0ANA", action_id="deny", channel=posted["channel"], ts=posted["ts"]
        )
        names.append(payload["channel"]["name"])
    assert ["privategroup", "directmessage"] == names


async def _respond(url: str, **body: Any) -> tuple[int, str | None]:
    async with aiohttp.ClientSession() as session, session.post(url, json=body) as response:
        return response.status, (await response.json()).get("error")


async def test_a_response_url_works_five_times_in_thirty_minutes(
    web: AsyncWebClient, client: SandboxClient, clock: Clock
) -> None:
    """Five uses, then `used_url`; after thirty minutes `expired_url`."""
    ts = await _post(web)
    click = {"action_id": "deny", "channel": APPROVALS, "ts": ts}
    url = (await client.click_payload("U0ANA", **click))["response_url"]
    assert [(200, None)] * 5 == [await _respond(url, text=str(n)) for n in range(5)]
    assert (404, "used_url") == await _respond(url, text="6")
    assert 5 == len(await client.ephemerals("U0ANA"))
    fresh = (await client.click_payload("U0ANA", **click))["response_url"]
    clock.advance(1801)
    assert (404, "expired_url") == await _respond(fresh, text="late")


async def test_a_response_url_changes_its_message(
    web: AsyncWebClient, client: SandboxClient
) -> None:
    """replace_original edits, delete_original removes; ephemerals as well."""
    answer = await web.chat_postEphemeral(channel=APPROVALS, user="U0ANA", text="x", blocks=card())
    click = {"action_id": "deny", "channel": APPROVALS}
    eph = await client.click_payload("U0ANA", ts=answer["message_ts"], **click)
    await _respond(eph["response_url"], text="changed", replace_original=True)
    assert ["changed"] == [item["text"] for item in await client.ephemerals("U0ANA")]
    await _respond(eph["response_url"], delete_original=True)
    assert [] == await client.ephemerals("U0ANA")
    ts = await _post(web)
    payload = await client.click_payload("U0ANA", ts=ts, **click)
    await _respond(payload["response_url"], text="for all", response_type="in_channel")
    await _respond(payload["response_url"], delete_original=True)
    assert ["for all"] == [item["text"] for item in await client.messages(APPROVALS)]
    assert (400, "no_text") == await _respond(payload["response_url"])


async def test_people_write_and_delete(web: AsyncWebClient, client: SandboxClient) -> None:
    """People post to threads and delete their own; an admin deletes anything."""
    ts = await _post(web)
    reply = await client.say("U0BEN", APPROVALS, "why?", thread_ts=ts)
    assert [reply] == [message["ts"] for message in await client.thread(APPROVALS, ts)]
    with pytest.raises(SandboxRefusal, match="not_the_author"):
        await client.delete_message("U0BEN", APPROVALS, ts)
    await client.delete_message("U0CHO", APPROVALS, ts)
    assert ["tombstone"] == [item["subtype"] for item in await client.messages(APPROVALS)]
    await client.edit_workspace(channels={APPROVALS: {"is_archived": True}})
    with pytest.raises(SandboxRefusal, match="can_not_write"):
        await client.say("U0BEN", APPROVALS, "hello?")


async def test_waiting_wakes_on_change(web: AsyncWebClient, client: SandboxClient) -> None:
    """wait_for returns with the snapshot that fits, or names what it waited for."""
    waiting = asyncio.ensure_future(
        client.wait_for(lambda state: state.messages(APPROVALS), "a card")
    )
    ts = await _post(web)
    state = await waiting
    assert ts == state.messages(APPROVALS)[0]["ts"]
    assert ts == (state.message(APPROVALS, ts) or {})["ts"]
    with pytest.raises(AssertionError, match="in vain for: a miracle"):
        await client.wait_for(lambda _: False, "a miracle", timeout=0.05)


@pytest.mark.parametrize(
    "sections",
    [{"nonsense": 1}, {"users": {"U0ANA": {"hat": "red"}}}, {"users": {"U0NEW": {}}}],
)
async def test_unknown_edits_are_refused(client: SandboxClient, sections: dict[str, Any]) -> None:
    """A typo in a test's edit is an error, not silently nothing."""
    with pytest.raises(SandboxRefusal, match="invalid_field"):
        await client.edit_workspace(**sections)


async def test_people_can_be_added(client: SandboxClient) -> None:
    """New people and group members appear at once."""
    await client.edit_workspace(
        users={"U0NEW": {"name": "new", "real_name": "New One"}},
        channels={APPROVALS: {"members": ["U0NEW", "U0SIGNOFF"]}},
    )
    await client.say("U0NEW", APPROVALS, "hi")
    assert ["U0NEW"] == [message["user"] for message in await client.messages(APPROVALS)]


@pytest.mark.parametrize("headers", [{"Host": "evil.example"}, {"Origin": "https://evil.example"}])
async def test_other_sites_can_not_drive_the_sandbox(
    sandbox: Sandbox, headers: dict[str, str]
) -> None:
    """A foreign Host or Origin is refused, whatever the browser's address is."""
    url = f"{sandbox.url}/sandbox/state"
    async with aiohttp.ClientSession() as session, session.get(url, headers=headers) as response:
        assert 403 == response.status


async def test_events_stream_tells_versions(sandbox: Sandbox, client: SandboxClient) -> None:
    """The page's event stream sends the version, and again after a change."""
    url = f"{sandbox.url}/sandbox/events"
    async with aiohttp.ClientSession() as session, session.get(url) as response:
        first = await response.content.readuntil(b"\n\n")
        await client.say("U0ANA", APPROVALS, "hi")
        second = await response.content.readuntil(b"\n\n")
    assert first.startswith(b"data: ")
    assert first != second


def test_the_signature_is_slacks() -> None:
    """The documentation's own example verifies."""
    body = (
        "token=xyzz0WbapA4vBCDEFasx0q6G&team_id=T1DC2JH3J&team_domain=testteamnow"
        "&channel_id=G8PSS9T3V&channel_name=foobar&user_id=U2CERLKJA&user_name=roadrunner"
        "&command=%2Fwebhook-collect&text=&response_url=https%3A%2F%2Fhooks.slack.com%2Fcommands"
        "%2FT1DC2JH3J%2F397700885554%2F96rGlfmibIGlgcZRskXaIFfN&trigger_id=398738663015"
        ".47445629121.803a0bc887a14d10d2c447fce8b6703c"
    )
    expected = "v0=a2114d57b48eac39b9ad189dd8316235a7b4a8d21a10bd27519666489c69b503"
    assert expected == sign("8f742231b10e8888abcd99yyyzzz85a5", 1531420618, body)


def test_menus_and_boxes_keep_their_state() -> None:
    """Each kind of element has its own place in the state and in the action."""
    options = [{"text": {"type": "plain_text", "text": text}, "value": text} for text in ("a", "b")]
    blocks: list[dict[str, Any]] = [
        {
            "type": "actions",
            "block_id": "b",
            "elements": [
                {"type": "static_select", "action_id": "one", "options": options},
                {"type": "checkboxes", "action_id": "many", "options": options},
                {"type": "users_select", "action_id": "who"},
                {"type": "overflow", "action_id": "more", "options": options},
            ],
        }
    ]
    assert {
        "b": {
            "one": {"type": "static_select", "selected_option": options[0]},
            "many": {"type": "checkboxes", "selected_options": []},
            "who": {"type": "users_select", "selected_user": None},
        }
    } == state_values(blocks, {("b", "one"): options[0]})
    block, more = list(elements_of(blocks))[3]
    action = action_of(block, more, "b", "1.0")
    assert ("more", "overflow", options[1]) == (
        action["action_id"],
        action["type"],
        action["selected_option"],
    )
