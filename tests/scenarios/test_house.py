"""The harness itself: it leaves no process behind, and a failure shows what the processes said."""

from __future__ import annotations

import os
import signal

import pytest

from tests.scenarios.reading import card, fresh
from tests.support.house import running_house
from tests.support.waiting import wait_until


def _gone(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    return False


async def test_everything_that_was_started_is_gone_at_the_end():
    """Server, sandbox, bots, agents, a frozen one and one that waits for ever among them."""
    with running_house(bots=2, quick=True) as house:
        agent, frozen = house.agent, house.start_agent()
        name = fresh("left")
        agent.ask(name)
        async with house.slack() as slack:
            await card(slack, name)
        await frozen.says(lambda line: line["event"] == "up", "up")
        frozen.freeze()
        pids = [house.redis.pid, *(process.pid for process in house.processes)]
        assert 6 == len(pids)
        assert 5 == sum(not _gone(pid) for pid in pids[1:])
        folder = house.folder
    assert [True] * 6 == [_gone(pid) for pid in pids]
    assert [] == house.alive()
    assert not folder.exists()


async def test_a_process_of_a_process_counts_too():
    """A child that its parent left behind is found by the house's mark, and reported."""
    with running_house(bots=0) as house:
        code = (
            "import subprocess; child = subprocess.Popen(['sleep', '60']); "
            "print(child.pid, flush=True); child.wait()"
        )
        before = len(house.alive())
        parent = house.start("parent", "-c", code)
        await wait_until(lambda: parent.printed().strip(), "the child's id")
        child = int(parent.printed())
        with_child = len(house.alive())
        parent.kill()
        assert with_child > len(house.alive()) > before, "the child is still found"
        os.kill(child, signal.SIGKILL)
        await wait_until(lambda: len(house.alive()) == before, "the child is gone too")


async def test_a_bot_that_dies_is_reported_with_its_own_words():
    """Who waits for something of a process that has ended is told at once, with its output."""
    with running_house(bots=0) as house:
        bot = house.start_bot(SLACK_BOT_TOKEN="xoxb-unknown")
        with pytest.raises(AssertionError, match="SLACK_BOT_TOKEN"):
            await bot.up()
