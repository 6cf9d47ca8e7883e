"""The metrics of a whole bot: what happens to approvals is in them when it is over."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator

import aiohttp
import pytest
from prometheus_client.parser import text_string_to_metric_families

from bot.app import Tuning, run_bot
from bot.routing import RouteRule
from bot.sandbox import SandboxClient
from bot.settings import Settings
from gate import ApprovalGate
from stores import open_store
from tests.bot.slack.office import APPROVE, CHANNEL
from tests.support.emitted import Sandbox
from tests.support.servers import RedisServer, running_server
from tests.support.waiting import wait_until

QUICK = Tuning(lease_seconds=1.0, deadline_interval=0.02, connections=1)


@pytest.fixture(scope="module")
def server() -> Iterator[RedisServer]:
    with running_server("valkey") as running:
        yield running


@pytest.fixture
async def slack() -> AsyncIterator[Sandbox]:
    async with Sandbox() as running:
        yield running


async def scraped(port: int) -> dict[str, float]:
    """Return every sample that is not zero, as `name{labels}`."""
    url = f"http://127.0.0.1:{port}/metrics"
    async with aiohttp.ClientSession() as http, http.get(url) as answer:
        assert 200 == answer.status
        text = await answer.text()
    assert "U0ANA" not in text
    assert CHANNEL not in text
    return {
        f"{sample.name}{{{','.join(sorted(sample.labels.values()))}}}": sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
        if sample.value and not sample.name.endswith("_created")
    }


async def test_from_request_to_decision(slack: Sandbox, server: RedisServer):
    """A pending approval, a refused click, a decision: each is counted where it belongs."""
    settings = Settings.model_validate(
        {
            "SLACK_BOT_TOKEN": slack.bot_token,
            "SLACK_APP_TOKEN": slack.app_token,
            "SLACK_API_URL": slack.api_url,
            "SIGNOFF_REDIS_URL": server.url,
            "SIGNOFF_LISTEN": "127.0.0.1:0",
            "routes": (RouteRule(channel=CHANNEL, approvers=("U0ANA",)),),
        }
    )
    async with (
        run_bot(settings, environ={}, tuning=QUICK) as bot,
        open_store(server.url) as store,
        SandboxClient(slack.url) as people,
        ApprovalGate(store, agent="billing") as gate,
    ):
        asked = await gate.request(name="delete-user", payload={"user_id": 42})
        state = await people.wait_for(lambda state: state.messages(CHANNEL), "the card")
        waiting = await scraped(bot.port)
        assert 1 == waiting["signoff_pending_approvals{}"]
        assert 0 < waiting["signoff_oldest_pending_age_seconds{}"] < 60
        ts = state.messages(CHANNEL)[0]["ts"]
        await people.click("U0DAN", channel=CHANNEL, ts=ts, action_id=APPROVE)
        await people.click("U0ANA", channel=CHANNEL, ts=ts, action_id=APPROVE)
        await gate.wait(asked.id, timeout=5)

        async def counted() -> bool:
            found = await scraped(bot.port)
            return (
                found.get("signoff_refusals_total{not_approver}") == 1
                and found.get("signoff_decisions_total{approve,card}") == 1
                and found.get("signoff_decision_seconds_count{}") == 1
                and "signoff_pending_approvals{}" not in found
                and "signoff_backlog_events{}" not in found
            )

        await wait_until(counted, "all of it is counted, and nothing is left to tell")
