"""The composition: the whole bot in one process, on a real server and a real local Slack."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack

import aiohttp
import pytest

from bot.answering import owed_at
from bot.app import Tuning, _beside, run_bot
from bot.routing import RouteRule
from bot.sandbox import SandboxClient
from bot.settings import Settings
from gate import ApprovalGate, ApprovalStatus, ConfigError
from stores import open_store
from tests.bot.slack.office import APPROVE, CHANNEL, office
from tests.support.emitted import Sandbox
from tests.support.servers import RedisServer, running_server
from tests.support.waiting import wait_until

QUICK = Tuning(lease_seconds=1.0, deadline_interval=0.02, connections=2)
RULE = RouteRule(channel=CHANNEL, approvers=("U0ANA",))


@pytest.fixture(scope="module")
def server() -> Iterator[RedisServer]:
    with running_server("valkey") as running:
        yield running


@pytest.fixture
async def slack() -> AsyncIterator[Sandbox]:
    async with Sandbox() as running:
        yield running


def settings(slack: Sandbox, server: RedisServer, transport: str, **more: str) -> Settings:
    way = (
        {"SLACK_APP_TOKEN": slack.app_token}
        if transport == "socket"
        else {"SLACK_SIGNING_SECRET": slack.signing_secret}
    )
    return Settings.model_validate(
        {
            "SLACK_BOT_TOKEN": slack.bot_token,
            "SLACK_API_URL": slack.api_url,
            "SIGNOFF_REDIS_URL": server.url,
            "SIGNOFF_LISTEN": "127.0.0.1:0",
            "routes": (RULE,),
        }
        | way
        | more
    )


@pytest.mark.parametrize("transport", ["socket", "http"])
async def test_from_request_to_decision(slack: Sandbox, server: RedisServer, transport: str):
    """Asked, posted, clicked, decided, told; ready while it runs, and all its work ends with it."""
    before = asyncio.all_tasks()
    async with run_bot(settings(slack, server, transport), environ={}, tuning=QUICK) as bot:
        base = f"http://127.0.0.1:{bot.port}"
        if transport == "http":
            slack.request_url = f"{base}/slack/events"
        async with open_store(server.url) as store, SandboxClient(slack.url) as people:
            gate = ApprovalGate(store, agent="billing")
            asked = await gate.request(name="delete-user", payload={"user_id": 42})
            state = await people.wait_for(lambda state: state.messages(CHANNEL), "the card")
            ts = state.messages(CHANNEL)[0]["ts"]
            assert (await people.click("U0ANA", channel=CHANNEL, ts=ts, action_id=APPROVE)).ok
            assert ApprovalStatus.APPROVED is (await gate.wait(asked.id, timeout=5)).status
            await people.wait_for(
                lambda state: len(state.thread(CHANNEL, ts)) == 2, "the thread says it"
            )
            brief = await gate.request(name="brief", expires_in=0.05)
            assert ApprovalStatus.EXPIRED is (await gate.wait(brief.id, timeout=5)).status
            await gate.aclose()
        assert bot.leading
        async with aiohttp.ClientSession() as http, http.get(f"{base}/readyz") as answer:
            checks = (await answer.json())["checks"]
            assert 200 == answer.status
        assert {"delivery", "store"} | ({"slack"} if transport == "socket" else set()) == set(
            checks
        )
    server.ask("FLUSHALL")
    await wait_until(
        lambda: not [task for task in asyncio.all_tasks() - before if "signoff" in task.get_name()],
        "its work has ended",
    )


async def test_a_stop_keeps_the_lease_until_the_card_under_way_is_noted(
    slack: Sandbox, server: RedisServer
):
    """However long Slack takes for it: the next bot finds the card, and posts no second one."""
    async with AsyncExitStack() as both, SandboxClient(slack.url) as people:
        store = await both.enter_async_context(open_store(server.url))
        gate = ApprovalGate(store, agent="billing")
        both.push_async_callback(gate.aclose)
        one = settings(slack, server, "http")
        async with run_bot(one, environ={}, tuning=QUICK) as first:
            await both.enter_async_context(run_bot(one, environ={}, tuning=QUICK))
            await wait_until(lambda: first.leading, "the first one leads")
            # Longer than the lease, so that it has to be renewed while the bot stops.
            await people.faults.slow(ms=2000, method="chat.postMessage", count=1)
            asked = await gate.request(name="delete-user", payload={"user_id": 42})

            async def under_way() -> bool:
                return (await store.cards(asked.id)).get("card", "").startswith("posting ")

            await wait_until(under_way, "the card is under way")
        state = await people.wait_for(
            lambda state: (
                state.messages(CHANNEL) and state.thread(CHANNEL, state.messages(CHANNEL)[0]["ts"])
            ),
            "the card and its thread",
        )
        assert 1 == len(state.messages(CHANNEL))
    server.ask("FLUSHALL")


async def test_a_taken_address(slack: Sandbox, server: RedisServer):
    """Where it cannot listen it says so by the setting's name; nothing is left behind."""
    async with run_bot(settings(slack, server, "http"), environ={}, tuning=QUICK) as bot:
        taken = settings(slack, server, "http", SIGNOFF_LISTEN=f"127.0.0.1:{bot.port}")
        with pytest.raises(ConfigError) as caught:
            async with run_bot(taken, environ={}, tuning=QUICK):
                pass
        assert "SIGNOFF_LISTEN" == caught.value.setting


async def test_work_that_fails_ends_the_bot_with_its_own_error():
    """Whoever waits sees the error itself, not a group of groups of it."""

    async def inner() -> None:
        async with asyncio.TaskGroup() as group:
            group.create_task(_fail())

    with pytest.raises(ZeroDivisionError):
        async with _beside(inner()):
            await asyncio.Event().wait()


async def _fail() -> None:
    raise ZeroDivisionError


async def test_a_click_that_is_under_way_at_the_stop():
    """What was being decided at the stop is decided and acknowledged; the event owes the answer."""
    async with office("socket") as at:
        ts = await at.ask()
        writing, go_on = asyncio.Event(), asyncio.Event()

        async def slow(verb: str) -> None:
            if verb == "patch":
                writing.set()
                await go_on.wait()

        at.store.fault = slow
        payload, mark = at.slack.people.click_message("U0ANA", CHANNEL, ts, APPROVE)
        click = asyncio.create_task(at.slack.people.deliver_click(payload, mark))
        async with asyncio.timeout(10):
            await writing.wait()
        asyncio.get_running_loop().call_later(0.05, go_on.set)
    assert (await click).ok
    assert ApprovalStatus.APPROVED is (await at.found()).status
    owed = [owed_at(logged) for logged in await at.store.read("")]
    assert [CHANNEL] == [place for place in owed if place is not None]
