"""No log of any process ever holds what an agent or a person wrote."""

from __future__ import annotations

import json
import time
from collections.abc import AsyncIterator, Iterator
from typing import Any
from urllib.parse import urlencode
from uuid import uuid4

import pytest

from bot.sandbox import SandboxClient
from tests.scenarios.reading import (
    APPROVE,
    REASON,
    REJECT,
    card,
    fresh,
    reject,
    until_card_says,
)
from tests.support.house import CHANNEL, House, running_house


@pytest.fixture(scope="module", params=["socket", "http"])
def house(request: pytest.FixtureRequest) -> Iterator[House]:
    with running_house(bots=0) as house:
        bot = house.start_bot(
            transport=request.param, SIGNOFF_LOG_LEVEL="debug", PYTHONASYNCIODEBUG="1"
        )
        bot.await_now(lambda: bot.logged("bot.up"), "bot.up")
        if request.param == "http":
            house.send_clicks_to(bot)
        yield house


@pytest.fixture
async def slack(house: House) -> AsyncIterator[SandboxClient]:
    async with house.slack() as slack:
        yield slack


async def test_secrets_in_payload_reason_and_note_are_in_no_log(house: House, slack: SandboxClient):
    """Everything that can go wrong around a secret goes wrong, with logs at their most talkative.

    Approved, rejected, failed, too late, refused, forged, cut off and without a store.
    """
    secrets = {
        word: f"{word}-{uuid4().hex}"
        for word in ("payload", "key", "reason", "note", "late", "error", "forged", "cancel")
    }
    agent = house.start_agent(patience=0.2, sweep=0.2)
    payload = {secrets["key"]: [{"deep": secrets["payload"]}]}
    names = {word: fresh(word) for word in ("approved", "rejected", "failed", "away", "cancelled")}
    for word, name in names.items():
        more = {"fail": secrets["error"]} if word == "failed" else {}
        agent.ask(name, payload, reason=secrets["reason"], **more)
    stamps = {word: await card(slack, name) for word, name in names.items()}

    for word in ("approved", "failed"):
        await slack.click("U0DAN", channel=CHANNEL, ts=stamps[word], action_id=REJECT)
        await slack.click("U0BEN", channel=CHANNEL, ts=stamps[word], action_id=REJECT)
        await slack.wait_for(lambda state: state.views("U0BEN"), "the form")
        await slack.click("U0ANA", channel=CHANNEL, ts=stamps[word], action_id=APPROVE)
        await slack.submit("U0BEN", values={REASON: secrets["late"]})
        await agent.tells(names[word], "done", "failed")
    await reject(slack, "U0BEN", stamps["rejected"], secrets["note"])
    await agent.tells(names["rejected"], "refused")
    asked = await agent.tells(names["cancelled"], "asked")
    agent.cancel("withdraw", asked["id"], reason=secrets["cancel"])
    await until_card_says(slack, stamps["cancelled"], "Cancelled", secrets["cancel"])

    await _send_forged(house, slack, ts=stamps["away"], forged=secrets["forged"])
    await house.redis.kill()
    await slack.click("U0ANA", channel=CHANNEL, ts=stamps["away"], action_id=APPROVE)
    refused = await agent.tells(names["away"], "refused")
    assert "store_unavailable" == refused["code"]
    await house.redis.start()
    [bot] = house.bots
    await bot.stop()

    for process in house.processes:
        log = process.complaints()
        for word, secret in secrets.items():
            assert secret not in log, f"the {word} is in the log of {process.name}"
            assert secret[-32:] not in log, f"the {word} is in the log of {process.name}"
    for token in ("xoxb-sandbox", "xapp-sandbox", house.slack_wire["signing_secret"]):
        assert token not in bot.printed(), "no token either"
    assert bot.logged("card.posted"), "there is a log"


async def _send_forged(house: House, slack: SandboxClient, *, ts: str, forged: str) -> None:
    """Send everything that is no click of ours, signed rightly, wrongly and not at all."""
    click = await slack.click_payload("U0ANA", action_id=APPROVE, channel=CHANNEL, ts=ts)
    await slack.deliver(click | {"actions": [click["actions"][0] | {"value": forged}]})
    [bot] = house.bots
    broken: tuple[dict[str, Any], ...] = (
        click | {"user": {"id": forged, "team_id": forged}},
        click | {"actions": [{"action_id": APPROVE, "value": [forged]}] * 2},
        click | {"type": forged},
        {"type": forged},
        {"type": "view_submission", "view": {"private_metadata": forged}},
        {"type": "block_actions", "actions": forged},
    )
    bodies = [urlencode({"payload": json.dumps(payload)}) for payload in broken]
    bodies += [forged, f"payload={forged}"]
    for secret in (None, "wrong-secret", house.slack_wire["signing_secret"]):
        for text in bodies:
            await slack.post_raw(bot.address, text, secret=secret, timestamp=int(time.time()))
