"""The command line acts as the person who the operating system says it is, and nobody else."""

from __future__ import annotations

import asyncio
import json
import os
import pwd
import re
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest

from bot.sandbox import SandboxClient
from stores import Store
from tests.scenarios.reading import card, fresh, until_card_says, until_thread
from tests.support.house import CHANNEL, Agent, House, running_house

ME = pwd.getpwuid(os.getuid()).pw_name
ROUTES = f"""\
[[routes]]
agent = "billing"
name = "mine-*"
channel = "{CHANNEL}"
approvers = ["U0ANA", "cli:{ME}"]

[[routes]]
agent = "billing"
channel = "{CHANNEL}"
approvers = ["U0ANA", "cli:somebody"]
"""


@pytest.fixture(scope="module")
def house() -> Iterator[House]:
    """Routes that list the person who runs the tests for one kind of action only."""
    with running_house(routes=ROUTES) as house:
        yield house


@pytest.fixture
async def slack(house: House) -> AsyncIterator[SandboxClient]:
    async with house.slack() as slack:
        yield slack


async def ask(agent: Agent, slack: SandboxClient, word: str, **more: Any) -> tuple[str, str, str]:
    """Return the name, the id and the card's ts of something asked."""
    name = fresh(word)
    agent.ask(name, {"user_id": 42}, **more)
    asked = await agent.tells(name, "asked")
    return name, asked["id"], await card(slack, name)


async def test_it_lists_and_shows_what_is_there(house: House, agent: Agent, slack: SandboxClient):
    """As JSON for scripts, in words for people."""
    name, approval_id, _ = await ask(agent, slack, "other", reason="Ticket 7.")
    listed = await house.command("list", "--json")
    found = {each["id"]: each for each in json.loads(listed.out)}
    assert (0, "") == (listed.code, listed.err)
    assert (name, {"user_id": 42}) == (found[approval_id]["name"], found[approval_id]["payload"])
    shown = await house.command("show", approval_id, "--json")
    assert found[approval_id] == json.loads(shown.out)
    words = await house.command("show", approval_id)
    for part in (name, "pending", "user_id: 42", "Ticket 7.", "cli:somebody", CHANNEL):
        assert part in words.out, part
    assert approval_id in (await house.command("list", COLUMNS="200")).out
    await house.command("cancel", approval_id)
    listed = await house.command("list", "--json")
    assert approval_id not in [each["id"] for each in json.loads(listed.out)]


async def test_who_is_listed_approves(
    house: House, agent: Agent, slack: SandboxClient, store: Store
):
    """The agent runs; card and thread name the person and where the answer came from."""
    name, approval_id, ts = await ask(agent, slack, "mine")
    assert 0 == (await house.command("show", approval_id)).code
    done = await house.command("approve", approval_id, "--yes", "--note", "go ahead", "--json")
    assert 0 == done.code, done.err
    told = json.loads(done.out)
    assert ("approved", f"cli:{ME}") == (told["status"], told["decisionMetadata"]["approver"])
    ran = await agent.tells(name, "ran", "refused")
    assert f"cli:{ME}" == ran.get("approver")
    await agent.tells(name, "done")
    assert 1 == house.runs(approval_id)
    shown = await until_card_says(slack, ts, "Approved by", ME, "done")
    assert "go ahead" in shown
    thread = await until_thread(slack, ts, "Asked", "Approved", "started", "done")
    assert ME in thread[1]


async def test_a_yes_unseen_is_refused(
    house: House, agent: Agent, slack: SandboxClient, store: Store
):
    """Who says `--yes` and was not shown it before hears what to do, and nothing is approved."""
    name, approval_id, _ = await ask(agent, slack, "mine")
    done = await house.command("approve", approval_id, "--yes")
    assert 3 == done.code
    assert "signoff show" in done.err
    record = await store.get(approval_id)
    assert record is not None
    assert ("pending", ()) == (record.status, record.votes)
    assert ["asked"] == agent.heard(name)


async def test_who_is_listed_rejects(house: House, agent: Agent, slack: SandboxClient):
    """The reason reaches the agent."""
    name, approval_id, ts = await ask(agent, slack, "mine")
    done = await house.command("reject", approval_id, "--reason", "not today")
    assert 0 == done.code, done.err
    refused = await agent.tells(name, "refused", "ran")
    assert ("approval_denied", "not today") == (refused.get("code"), refused.get("note"))
    await until_card_says(slack, ts, "Rejected", ME, "not today")


async def test_who_is_not_listed_is_refused_whatever_the_environment_says(
    house: House, agent: Agent, slack: SandboxClient, store: Store
):
    """`USER`, `LOGNAME` and the like are nobody's word; nothing changes, exit code 3."""
    name, approval_id, _ = await ask(agent, slack, "other")
    fakes = dict.fromkeys(("USER", "LOGNAME", "LNAME", "USERNAME", "SUDO_USER"), "somebody")
    for done in await asyncio.gather(
        house.command("approve", "--yes", approval_id, **fakes),
        house.command("reject", approval_id, **fakes),
    ):
        assert 3 == done.code
        assert "does not list you" in done.err
        assert "Traceback" not in done.err
    record = await store.get(approval_id)
    assert record is not None
    assert ("pending", ()) == (record.status, record.votes)
    assert ["asked"] == agent.heard(name)


async def test_there_is_no_flag_to_be_somebody_else(house: House):
    """The options are what they are: none names a person, and an invented one is not known."""
    verbs = ("approve", "reject", "skip", "cancel")
    for told in await asyncio.gather(*(house.command(verb, "--help") for verb in verbs)):
        options = set(re.findall(r"--[a-z-]+", told.out))
        assert {"--namespace", "--json", "--help"} <= options
        answer = {"--note", "--reason", "--edit", "--answer"}
        assert options <= {"--namespace", "--reveal", "--yes", "--json", "--help"} | answer
    for done in await asyncio.gather(
        *(house.command(verb, "some-id", "--as", "somebody") for verb in verbs)
    ):
        assert (2, "") == (done.code, done.out)
        assert "No such option" in done.err


async def test_nothing_is_approved_without_a_yes(
    house: House, agent: Agent, slack: SandboxClient, store: Store
):
    """Without a terminal to ask at and without `--yes` the command gives up."""
    _, approval_id, _ = await ask(agent, slack, "mine")
    done = await house.command("approve", approval_id)
    assert 1 == done.code
    record = await store.get(approval_id)
    assert record is not None
    assert "pending" == record.status


async def test_what_is_over_or_unknown_is_said_in_one_sentence(
    house: House, agent: Agent, slack: SandboxClient
):
    """Exit code 1, one line, no traceback; for the wrong kind of id too."""
    name, approval_id, _ = await ask(agent, slack, "mine")
    assert 0 == (await house.command("show", approval_id)).code
    assert 0 == (await house.command("approve", approval_id, "--yes")).code
    await agent.tells(name, "done")
    commands = (
        ("reject", approval_id),
        ("cancel", approval_id),
        ("show", "no-such-id"),
        ("approve", "no-such-id", "--yes"),
        ("show", "../../etc/passwd"),
        ("show", "a" * 500),
    )
    for done in await asyncio.gather(*(house.command(*arguments) for arguments in commands)):
        assert (1, "", 1) == (done.code, done.out, len(done.err.splitlines()))
        assert done.err.startswith("signoff: ")


async def test_without_a_store_it_says_what_to_set(house: House):
    """Neither a variable nor an embedded server: one sentence, exit code 2."""
    done = await house.command("list", SIGNOFF_REDIS_URL=None)
    assert 2 == done.code
    assert "SIGNOFF_REDIS_URL" in done.err
    assert 1 == len(done.err.splitlines())
