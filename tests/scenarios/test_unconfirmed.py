"""P3: a decision that a failover could take back is called unconfirmed until it cannot."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from bot.sandbox import State
from tests.scenarios.reading import APPROVE, card, fresh, full_text, private, until_card_says
from tests.support.house import CHANNEL, House, running_house
from tests.support.servers import redis_server
from tests.support.waiting import wait_until


@pytest.fixture(scope="module")
def house() -> Iterator[House]:
    """A house whose bot is started by the test, with its own setting."""
    with running_house(bots=0, binary="redis") as house:
        yield house


def _doubts(state: State) -> set[str]:
    told = " ".join(private(state, "U0ANA"))
    return {word for word in ("not certain", "Not confirmed yet") if word in told}


async def test_unconfirmed_until_the_replica_has_it(house: House):
    """The clicker, the card and the thread say so; when the replica is back, the card does not."""
    options = ("--replicaof", f"127.0.0.1 {house.redis.port}")
    async with redis_server(options=options) as replica, house.slack() as slack:
        await wait_until(
            lambda: b"state=online" in house.redis.ask("INFO", "replication"),
            "the replica follows",
            timeout=20,
        )
        bot = house.start_bot(quick=True, options={"patrol": 0.2}, SIGNOFF_WAIT_REPLICAS="1")
        await bot.up()
        name = fresh("wipe")
        house.agent.ask(name, hold=True)
        ts = await card(slack, name)
        replica.freeze()
        assert (await slack.click("U0ANA", channel=CHANNEL, ts=ts, action_id=APPROVE)).ok
        # By whoever waits for the write, and by whoever reads the events, in either order.
        await slack.wait_for(
            lambda state: {"not certain", "Not confirmed yet"} <= _doubts(state), "Ana is told"
        )
        await until_card_says(slack, ts, "Approved by <@U0ANA>", "Not confirmed yet")
        replica.thaw()

        def confirmed(state: State) -> bool:
            shown = full_text(state.message(CHANNEL, ts))
            return "Approved by" in shown and "Not confirmed" not in shown

        await slack.wait_for(confirmed, "the card says it without a doubt", 20.0)
        house.agent.go(name)
        await house.agent.tells(name, "done")
        assert 0 == await bot.stop()
