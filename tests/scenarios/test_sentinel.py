"""The master may be killed under everybody: Sentinel names another, and all go on there."""

from __future__ import annotations

from tests.scenarios.reading import APPROVE, card, fresh, until_thread, until_told
from tests.support.house import CHANNEL, house_on
from tests.support.sentinels import watched_servers


async def test_a_person_answers_after_the_failover() -> None:
    """An agent and the bot wait at the killed primary; a click at its heir lets the agent go on."""
    async with watched_servers() as servers:
        with house_on(servers.primary, redis_url=servers.url(), quick=True) as house:
            async with house.slack() as slack:
                name = fresh("vacuum")
                house.agent.ask(name)
                stamp = await card(slack, name)
                await until_thread(slack, stamp, "Asked")
                await servers.until_in_step(servers.replica)
                await servers.primary.kill()
                await slack.click("U0ANA", channel=CHANNEL, ts=stamp, action_id=APPROVE)
                await until_told(slack, "U0ANA", "not recorded", "store")
                await servers.until_promoted(servers.replica)
                await slack.click("U0ANA", channel=CHANNEL, ts=stamp, action_id=APPROVE)
                done = await house.agent.tells(name, "done")
                assert 1 == house.runs(done["id"])
                await until_thread(slack, stamp, "Asked", "Approved", "started", "done")
