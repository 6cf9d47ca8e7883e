"""Faults at the app's own calls: each is answered, dropped or slowed as ordered."""

from __future__ import annotations

import asyncio
import time
from typing import Any

import aiohttp
import pytest
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from bot.sandbox import Clock, Sandbox, SandboxClient, SandboxRefusal

from .conftest import APPROVALS, card, modal, refused


async def _post(web: AsyncWebClient, text: str = "x") -> str:
    return str((await web.chat_postMessage(channel=APPROVALS, text=text))["ts"])


async def _outcomes(web: AsyncWebClient, count: int) -> list[bool]:
    """Which of so many posts went through."""
    found = []
    for _ in range(count):
        try:
            await _post(web)
        except SlackApiError:
            found.append(False)
        else:
            found.append(True)
    return found


async def test_a_call_is_rate_limited(web: AsyncWebClient, client: SandboxClient) -> None:
    """429 with Retry-After until cleared; other methods are not affected."""
    fault = await client.faults.rate_limited(method="chat.*", retry_after=30)
    with pytest.raises(SlackApiError) as caught:
        await _post(web)
    response = caught.value.response
    assert (429, "ratelimited", "30") == (
        response.status_code,
        response["error"],
        response.headers["Retry-After"],
    )
    assert (await web.auth_test())["ok"]
    assert 1 == await client.faults.fired(fault)
    await client.faults.clear(fault)
    await _post(web)
    assert [("rate_limited", 429), (None, 200)] == [
        (call["fault"], call["status"]) for call in (await client.state()).calls("chat.postMessage")
    ]


async def test_a_fault_is_scoped(web: AsyncWebClient, client: SandboxClient) -> None:
    """Channel, arguments, skip and count decide which calls are hit."""
    await client.faults.refuse("is_inactive", channel="C0PRIVATE")
    await client.faults.refuse("fatal_error", method="users.info", args={"user": "U0BEN"})
    await client.faults.refuse("internal_error", method="chat.postMessage", skip=1, count=2)
    assert [True, False, False, True] == await _outcomes(web, 4)
    answer = await refused(web.chat_postMessage(channel="C0PRIVATE", text="x"))
    assert "is_inactive" == answer["error"]
    assert (await web.users_info(user="U0ANA"))["ok"]
    answer = await refused(web.users_info(user="U0BEN"))
    assert "fatal_error" == answer["error"]


async def test_a_share_of_calls_is_reproducible(web: AsyncWebClient, client: SandboxClient) -> None:
    """The same seed hits the same calls."""
    first = await client.faults.rate_limited(probability=0.3, seed=7)
    before = await _outcomes(web, 20)
    await client.faults.clear(first)
    await client.faults.rate_limited(probability=0.3, seed=7)
    assert before == await _outcomes(web, 20)
    assert 0 < before.count(False) < 20


@pytest.mark.parametrize("status", [500, 503])
async def test_slack_has_an_internal_error(
    web: AsyncWebClient, client: SandboxClient, status: int
) -> None:
    """A 5xx comes with JSON from Slack's own servers, with plain text from those in front."""
    await client.faults.server_error(status=status, count=1)
    with pytest.raises(SlackApiError) as caught:
        await _post(web)
    assert status == caught.value.response.status_code
    await _post(web)


async def test_a_reset_after_the_commit_leaves_the_message(
    web: AsyncWebClient, client: SandboxClient
) -> None:
    """The message is stored, the caller only sees a broken connection."""
    await client.faults.reset_after(method="chat.postMessage", count=1)
    with pytest.raises((aiohttp.ClientError, OSError)):
        await _post(web, "stored")
    await client.faults.reset_before(method="chat.postMessage", count=1)
    with pytest.raises((aiohttp.ClientError, OSError)):
        await _post(web, "lost")
    state = await client.wait_for(lambda state: len(state.calls("chat.postMessage")) == 2, "both")
    assert ["stored"] == [message["text"] for message in state.messages(APPROVALS)]
    assert ["reset_after", "reset_before"] == [
        call["fault"] for call in state.calls("chat.postMessage")
    ]
    assert state.calls("chat.postMessage")[0]["answer"]["ok"]


async def test_the_sdk_posts_twice_after_a_reset(sandbox: Sandbox, client: SandboxClient) -> None:
    """The known trap is reproduced: slack_sdk's default retry repeats a post that was stored."""
    trusting = AsyncWebClient(token=sandbox.bot_token, base_url=sandbox.api_url)
    await client.faults.reset_after(method="chat.postMessage", count=1)
    await _post(trusting)
    assert 2 == len(await client.messages(APPROVALS))


async def test_answers_can_be_slow(
    web: AsyncWebClient, client: SandboxClient, clock: Clock
) -> None:
    """Slowness is counted in real milliseconds, or in the sandbox's seconds."""
    await client.faults.slow(method="users.info", ms=60, count=1)
    began = time.perf_counter()
    await web.users_info(user="U0ANA")
    assert time.perf_counter() - began >= 0.06
    await client.faults.slow(method="users.info", seconds=3600)
    call = asyncio.ensure_future(web.users_info(user="U0ANA"))
    state = await client.state()
    assert not (await asyncio.wait([call], timeout=0.05))[0]
    clock.advance(3601)
    assert (await call)["ok"]
    assert 1 == len(state.calls("users.info"))


async def test_a_slow_sandbox_still_closes() -> None:
    """Closing does not wait for slow answers or for what is held."""
    async with Sandbox() as sandbox, SandboxClient(sandbox.url) as client:
        web = AsyncWebClient(token=sandbox.bot_token, base_url=sandbox.api_url)
        await client.faults.slow(seconds=3600)
        call = asyncio.ensure_future(web.auth_test())
        await client.wait_for(lambda state: state.faults[0]["fired"], "the call arrived")
    assert {call} == (await asyncio.wait([call], timeout=2))[0]
    assert call.exception() is None or isinstance(call.exception(), (aiohttp.ClientError, OSError))


@pytest.mark.parametrize("how", ["drop", "503"])
async def test_slack_goes_away_and_comes_back(
    web: AsyncWebClient, client: SandboxClient, how: Any
) -> None:
    """While Slack is away no call works and nobody can do anything; then all is as before."""
    ts = (await web.chat_postMessage(channel=APPROVALS, text="x", blocks=card()))["ts"]
    await client.faults.away(how)
    with pytest.raises((aiohttp.ClientError, OSError, SlackApiError)):
        await _post(web)
    with pytest.raises(SandboxRefusal, match="slack_is_away"):
        await client.click("U0ANA", action_id="approve", channel=APPROVALS, ts=ts)
    await client.faults.back()
    await _post(web)
    assert 2 == len(await client.messages(APPROVALS))


async def test_a_token_is_revoked(
    web: AsyncWebClient, sandbox: Sandbox, client: SandboxClient
) -> None:
    """Every call is refused with the word; the app token has its own state."""
    await client.faults.revoke()
    assert "token_revoked" == (await refused(_post(web)))["error"]
    await client.faults.revoke(error="invalid_auth", kind="app")
    answer = await refused(AsyncWebClient(base_url=sandbox.api_url).apps_connections_open(
        app_token=sandbox.app_token
    ))  # fmt: skip
    assert "invalid_auth" == answer["error"]
    await client.faults.restore()
    await _post(web)


async def test_scopes_are_taken_away(web: AsyncWebClient, client: SandboxClient) -> None:
    """A missing scope is named with what the token has."""
    await client.faults.scopes(["users:read"])
    answer = await refused(_post(web))
    assert ("missing_scope", "chat:write", "users:read") == (
        answer["error"],
        answer["needed"],
        answer["provided"],
    )


async def test_channels_close(web: AsyncWebClient, client: SandboxClient) -> None:
    """Archived, or without the bot: posting is refused with Slack's words."""
    await client.faults.archive(APPROVALS)
    assert "is_archived" == (await refused(_post(web)))["error"]
    await client.faults.archive(APPROVALS, archived=False)
    await client.faults.remove_from_channel(APPROVALS)
    assert "not_in_channel" == (await refused(_post(web)))["error"]
    await client.faults.remove_from_channel("C0PRIVATE")
    answer = await refused(web.chat_postMessage(channel="C0PRIVATE", text="x"))
    assert "channel_not_found" == answer["error"]
    await client.faults.add_to_channel(APPROVALS)
    await _post(web)


async def test_people_change(web: AsyncWebClient, client: SandboxClient) -> None:
    """Guests, strangers and deactivated people show in users.info and in what they can do."""
    await client.faults.make_guest("U0BEN", single_channel=True)
    await client.faults.make_stranger("U0CHO")
    await client.faults.deactivate("U0DAN")
    ben = (await web.users_info(user="U0BEN"))["user"]
    cho = (await web.users_info(user="U0CHO"))["user"]
    dan = (await web.users_info(user="U0DAN"))["user"]
    assert (True, True) == (ben["is_restricted"], ben["is_ultra_restricted"])
    assert (True, "T0OTHER") == (cho["is_stranger"], cho["team_id"])
    assert dan["deleted"]
    with pytest.raises(SandboxRefusal, match="other_workspace"):
        await client.slash("U0CHO", APPROVALS, "/signoff")
    with pytest.raises(SandboxRefusal, match="deactivated"):
        await client.say("U0DAN", APPROVALS, "hi")


async def test_somebody_else_changes_a_view(web: AsyncWebClient, client: SandboxClient) -> None:
    """After a new hash the app's update with the old one is a conflict."""
    view = (await web.views_publish(user_id="U0ANA", view={"type": "home", "blocks": []}))["view"]
    fresh = await client.faults.rehash(view["id"])
    home = {"type": "home", "blocks": []}
    answer = await refused(web.views_publish(user_id="U0ANA", hash=view["hash"], view=home))
    assert "hash_conflict" == answer["error"]
    await web.views_publish(user_id="U0ANA", hash=fresh, view=home)
    with pytest.raises(SandboxRefusal, match="no_such_view"):
        await client.faults.rehash("V404")


@pytest.mark.parametrize(
    ("verb", "body"),
    [
        ("fault", {"kind": "nonsense"}),
        ("fault", {"kind": "slow", "hours": 1}),
        ("fault", {"kind": "slow", "probability": 2}),
        ("away", {"how": "slowly"}),
        ("ghosts", {"count": -1}),
        ("release", {"order": [404]}),
        ("rate_limits", {"limits": {"speed": 1}}),
        ("clock", {"speed": 0}),
    ],
)
async def test_a_wrong_order_is_refused(
    client: SandboxClient, verb: str, body: dict[str, Any]
) -> None:
    """A typo in a test is an error, not silently no fault."""
    with pytest.raises(SandboxRefusal, match="invalid_field"):
        await client.post(verb, **body)


async def test_a_trigger_can_arrive_expired(web: AsyncWebClient, client: SandboxClient) -> None:
    """The click is genuine, but its trigger opens nothing any more."""
    ts = (await web.chat_postMessage(channel=APPROVALS, text="x", blocks=card()))["ts"]
    await client.faults.expire_trigger(method="block_actions", args={"action_id": "deny"})
    late = await client.click("U0ANA", action_id="deny", channel=APPROVALS, ts=ts)
    answer = await refused(web.views_open(trigger_id=late.payload["trigger_id"], view=modal()))
    assert "expired_trigger_id" == answer["error"]
    good = await client.click("U0ANA", action_id="approve", channel=APPROVALS, ts=ts)
    assert (await web.views_open(trigger_id=good.payload["trigger_id"], view=modal()))["ok"]
