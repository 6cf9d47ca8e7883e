"""An agent killed at any step boundary, or stopped, goes on: few model calls, one effect."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from bot.cli import main
from gate import Desk, record_key
from stores import Store, open_checkpoints, open_store
from tests.support.processes import ROOT
from tests.support.servers import RedisServer, running_server

ANSWERS = 3
"""What the model has to be asked: look, refund, report."""
BEFORE, AFTER_YES, AFTER_NO = 20, 14, 8
"""Moments until the question, after the yes, after the no; a test below counts them."""


def boundaries(moments: int) -> list[int]:
    """The first moment, and the one after each thing that happens.

    What comes before the next thing is the same to everybody else.
    """
    return [1, *range(2, moments + 1, 2)]


@pytest.fixture(scope="module")
def server() -> Iterator[RedisServer]:
    with running_server("valkey") as server:
        yield server


@pytest.fixture
async def store(server: RedisServer) -> AsyncIterator[Store]:
    server.ask("FLUSHALL")
    async with open_store(server.url) as store:
        yield store


@dataclass
class Agent:
    """The example's agent, started as often as it takes."""

    server: RedisServer
    folder: Path
    started: int = 0

    async def start(self, *, kill_at: int = 0) -> dict[str, Any] | None:
        """Run one process to its end; `None` if it was killed."""
        self.started += 1
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "tests.support.agents.durable", str(self.ledger), str(kill_at),
            cwd=ROOT,
            env=os.environ | {"SIGNOFF_REDIS_URL": self.server.url},
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )  # fmt: skip
        out, err = await asyncio.wait_for(process.communicate(), 60)
        if process.returncode == -signal.SIGKILL:
            return None
        assert process.returncode == 0, err.decode()
        told: dict[str, Any] = json.loads(out.decode().splitlines()[-1])
        return told

    @property
    def ledger(self) -> Path:
        return self.folder / "ledger.txt"

    @property
    def payments(self) -> int:
        return len(self.ledger.read_text().splitlines()) if self.ledger.exists() else 0

    @property
    def answers(self) -> int:
        return len(Path(f"{self.ledger}.answers").read_text().splitlines())


@pytest.fixture
def agent(server: RedisServer, tmp_path: Path) -> Agent:
    return Agent(server, tmp_path)


async def decide(store: Store, verdict: str) -> int:
    """Answer what is asked; return how many questions there were."""
    keys = await store.pending(limit=10)
    for key in keys:
        await Desk(store).decide(key, verdict, approver="cli:ana")
    return len(keys)


@pytest.mark.parametrize(
    ("verdict", "outcomes", "payments"),
    [("approve", ["done", "done"], 1), ("deny", ["done", "denied"], 0)],
)
async def test_stopped_by_exit_it_goes_on_in_a_new_process(
    agent: Agent, store: Store, verdict: str, outcomes: list[str], payments: int
):
    """Paused with the ids, the process ends; decided meanwhile, a new one goes on to the end."""
    paused = await agent.start()
    assert paused is not None
    assert ("paused", 1) == (paused["reason"], len(paused["pending"]))
    again = await agent.start()
    assert again is not None
    assert (paused["pending"], 2) == (again["pending"], agent.answers)
    assert 1 == await decide(store, verdict)
    done = await agent.start()
    assert done is not None
    assert ("done", outcomes, []) == (done["reason"], done["outcomes"], done["pending"])
    assert (ANSWERS, payments) == (agent.answers, agent.payments)
    record = await store.get(record_key(paused["pending"][0]))
    assert record is not None
    assert ("done" if payments else None) == (record.outcome.status if record.outcome else None)


@pytest.mark.parametrize("kill_at", boundaries(BEFORE))
async def test_killed_at_a_boundary_before_the_question(agent: Agent, store: Store, kill_at: int):
    """Killed while it comes to the question: asked once, answered once, paid once."""
    first = await agent.start(kill_at=kill_at)
    paused = first or await agent.start()
    assert paused is not None
    assert "paused" == paused["reason"]
    assert 1 == await decide(store, "approve")
    done = await agent.start()
    assert done is not None
    assert (["done", "done"], 1) == (done["outcomes"], agent.payments)
    # An answer is asked for again only where the process died before it was saved.
    assert agent.answers <= ANSWERS + (first is None)


@pytest.mark.parametrize("kill_at", boundaries(AFTER_YES))
async def test_killed_at_a_boundary_after_the_yes(agent: Agent, store: Store, kill_at: int):
    """Killed while it acts on the yes: paid at most once, and what is not known is said to be."""
    assert await agent.start() is not None
    await decide(store, "approve")
    first = await agent.start(kill_at=kill_at)
    done = first or await agent.start()
    assert done is not None
    assert "done" == done["reason"]
    assert agent.payments <= 1
    assert done["outcomes"] in (["done", "done"], ["done", "unconfirmed"])
    if done["outcomes"] == ["done", "done"]:
        assert 1 == agent.payments
    assert agent.answers <= ANSWERS + (first is None)


@pytest.mark.parametrize("kill_at", boundaries(AFTER_NO))
async def test_killed_at_a_boundary_after_the_no(agent: Agent, store: Store, kill_at: int):
    """Killed while it hears the no: nothing is ever paid."""
    assert await agent.start() is not None
    await decide(store, "deny")
    done = await agent.start(kill_at=kill_at) or await agent.start()
    assert done is not None
    assert (["done", "denied"], 0) == (done["outcomes"], agent.payments)
    assert agent.answers <= ANSWERS + 1


async def test_every_boundary_is_tried(agent: Agent, store: Store):
    """The numbers above are those of an undisturbed run."""
    paused = await agent.start()
    await decide(store, "approve")
    done = await agent.start()
    assert paused is not None
    assert done is not None
    assert [BEFORE, AFTER_YES] == [paused["moments"], done["moments"]]


async def test_two_workers_resume_one_run(agent: Agent, store: Store):
    """Started twice at once after the yes: the payment is made once, whoever makes it."""
    assert await agent.start() is not None
    await decide(store, "approve")
    ends = await asyncio.gather(agent.start(), agent.start(), return_exceptions=True)
    assert [end for end in ends if isinstance(end, dict)], ends
    assert "RunTaken" in str(ends) or all(isinstance(end, dict) for end in ends), ends
    assert 1 == agent.payments


async def test_the_list_of_runs(agent: Agent, store: Store, server: RedisServer):
    """`signoff runs` lists the paused run, says when it is decided, and forgets it at its end."""

    def listed(*options: str) -> str:
        environ = {"SIGNOFF_REDIS_URL": server.url}
        done = CliRunner().invoke(main, ["runs", *options], env=environ, catch_exceptions=False)
        assert done.exit_code == 0, done.output
        return str(done.output)

    paused = await agent.start()
    assert paused is not None
    [run] = json.loads(await asyncio.to_thread(listed, "--json"))
    assert ("refunds", "paused", False) == (run["agentId"], run["status"], run["ready"])
    assert [("refund", "pending", paused["pending"][0])] == [
        (call["tool"], call["status"], call["approvalId"]) for call in run["calls"]
    ]
    assert "0 of 1" in await asyncio.to_thread(listed)
    await decide(store, "approve")
    [run] = json.loads(await asyncio.to_thread(listed, "--json"))
    assert (True, "approved") == (run["ready"], run["calls"][0]["status"])
    assert "ready" in await asyncio.to_thread(listed)
    async with open_checkpoints(server.url) as checkpoints:
        await checkpoints.save("agent-loop:[red]broken", "{")
    await agent.start()
    assert [{"agentId": "[red]broken", "unreadable": "store_corrupt"}] == json.loads(
        await asyncio.to_thread(listed, "--json")
    )
    assert "[red]broken" in await asyncio.to_thread(listed)
    async with open_checkpoints(server.url) as checkpoints:
        await checkpoints.delete("agent-loop:[red]broken")
    assert "No run is unfinished.\n" == await asyncio.to_thread(listed)
