"""Secrets in a request: shown to nobody who did not ask for them on record, and told nowhere."""

from __future__ import annotations

import asyncio
import json
import os
import pwd
import urllib.request
from collections.abc import AsyncIterator, Iterator
from typing import Any, Final
from uuid import uuid4

import pytest

from bot.sandbox import SandboxClient, State
from gate import ApprovalRevealed, ApprovalViewed, canonical_text
from stores import Store
from tests.scenarios.reading import (
    APPROVE,
    REASON,
    REJECT,
    buttons,
    card,
    fresh,
    full_text,
    until_card_says,
)
from tests.support.house import CHANNEL, Agent, House, running_house

ME = pwd.getpwuid(os.getuid()).pw_name
ANA: Final = "slack:T0SANDBOX:U0ANA"
REVIEW, REVEAL = "signoff_review", "signoff_reveal"
ROUTES = f"""\
[masking]
keys = ["patient number"]
shapes = ["ACME-[a-z0-9]+"]

[[routes]]
agent = "billing"
name = "sealed-*"
channel = "{CHANNEL}"
approvers = ["U0ANA", "cli:{ME}"]
reveal = false

[[routes]]
agent = "billing"
channel = "{CHANNEL}"
approvers = ["U0ANA", "U0BEN", "cli:{ME}"]
notify = ["mention", "dm"]
"""


@pytest.fixture(scope="module")
def house() -> Iterator[House]:
    """One route reveals, the other one does not."""
    with running_house(routes=ROUTES) as house:
        yield house


@pytest.fixture
async def slack(house: House) -> AsyncIterator[SandboxClient]:
    async with house.slack() as slack:
        yield slack


def planted() -> tuple[dict[str, Any], dict[str, str]]:
    """Return arguments with secrets in every place, and the secrets by what they are."""
    secrets = {
        "password": uuid4().hex,
        "number": str(uuid4().int)[:14],
        "github": "ghp" + "_" + uuid4().hex,
        "address": uuid4().hex,
        "name": "xoxb" + "-" + uuid4().hex,
        "pair": uuid4().hex,
        "argument": uuid4().hex,
        "operator": uuid4().hex,
        "shape": f"ACME-{uuid4().hex}",
        "key": f"{uuid4().hex}\n{uuid4().hex}",
    }
    pem = "PRIVATE " + "KEY-----"
    payload = {
        "user": "ana",
        "password": secrets["password"],
        "pin_token": int(secrets["number"]),
        "command": f"curl -H 'Authorization: Bearer {secrets['github']}' https://x.example",
        "dsn_of": f"postgres://bob:{secrets['address']}@db.example/x",
        secrets["name"]: 1,
        "env": [{"name": "DB_PASSWORD", "value": secrets["pair"]}],
        "argv": ["psql", "--password", secrets["argument"]],
        "patient_number": secrets["operator"],
        "text": f"case {secrets['shape']}",
        "file": f"-----BEGIN {pem}\n{secrets['key']}\n-----END {pem}\n",
    }
    return payload, secrets


def told(secrets: dict[str, str], text: str) -> list[str]:
    """Return which of the secrets stand in *text*, whole or their ends."""
    return [word for word, secret in secrets.items() if secret.split("\n")[-1][-14:] in text]


def page(state: State, user: str) -> str:
    views = state.views(user)
    return json.dumps(views[-1], ensure_ascii=False) if views else ""


async def reviewed(slack: SandboxClient, user: str, ts: str) -> State:
    """Open the review of a card; return what is there then."""
    assert (await slack.click(user, channel=CHANNEL, ts=ts, action_id=REVIEW)).ok
    return await slack.wait_for(lambda state: "masked" in page(state, user), "the review")


async def test_no_secret_is_told_anywhere(house: House, slack: SandboxClient, store: Store):
    """P13, P20: approved by who revealed them; no message, log, metric, event or error has one.

    Approved, rejected with a secret as the reason, and withdrawn, with agents and bot at work.
    """
    payload, secrets = planted()
    words = {word: "ghp" + "_" + uuid4().hex for word in ("reason", "note", "cancel")}
    every = secrets | words
    agent = house.start_agent()
    names = {word: fresh(word) for word in ("approved", "rejected", "cancelled", "failed")}
    for word, name in names.items():
        more = {"fail": words["reason"]} if word == "failed" else {}
        agent.ask(name, payload, reason=f"with {words['reason']} please", **more)
    stamps = {word: await card(slack, name) for word, name in names.items()}
    await slack.open_home("U0BEN")
    await slack.wait_for(lambda state: names["failed"] in str(state.home("U0BEN")), "the home")

    for word in ("approved", "failed"):
        state = await reviewed(slack, "U0ANA", stamps[word])
        assert [REVIEW, REJECT] == buttons(state.message(CHANNEL, stamps[word]))
        assert ([], None) == (told(every, page(state, "U0ANA")), _submit(state, "U0ANA"))
        view = state.views("U0ANA")[-1]
        assert (await slack.click("U0ANA", view_id=view["id"], action_id=REVEAL)).ok
        state = await slack.wait_for(lambda state: _submit(state, "U0ANA"), "Approve is there")
        assert list(secrets) == told(every, page(state, "U0ANA"))
        assert (await slack.submit("U0ANA")).ok
        await agent.tells(names[word], "done", "failed", "refused")
    await slack.click("U0BEN", channel=CHANNEL, ts=stamps["rejected"], action_id=REJECT)
    await slack.wait_for(lambda state: state.views("U0BEN"), "the form")
    await slack.submit("U0BEN", values={REASON: f"no {words['note']}"})
    await agent.tells(names["rejected"], "refused")
    asked = await agent.tells(names["cancelled"], "asked")
    agent.cancel("withdraw", asked["id"], reason=f"no {words['cancel']}")
    for word, said in (("approved", "done"), ("rejected", "Rejected"), ("cancelled", "Cancelled")):
        shown = await until_card_says(slack, stamps[word], said)
        assert [] == told(every, shown)

    state = await slack.state()
    assert [] == told(every, json.dumps(state.messages(CHANNEL), ensure_ascii=False))
    log = await slack.state(log=True)
    sent = [call for call in log.requests if call["method"] != "views.update"]
    assert {"chat.postMessage", "views.open", "views.publish"} <= {each["method"] for each in sent}
    assert [] == told(every, json.dumps(sent, ensure_ascii=False))
    [bot] = house.bots
    metrics = await asyncio.to_thread(_page_of, bot.address.replace("/slack/events", "/metrics"))
    assert ([], True) == (told(every, metrics), "signoff_decisions" in metrics)
    for process in (bot, agent, house.agent):
        assert [] == told(every, process.complaints()), process.name
    events = [logged.event async for logged in _events(store)]
    assert [] == told(secrets, "".join(str(event.to_wire()) for event in events))
    done = await agent.tells(names["approved"], "asked")
    seen = [event for event in events if event.id == done["id"]]
    paths = [event.path for event in seen if isinstance(event, ApprovalRevealed)]
    assert {"/password", "/pin_token", "/command", "/env/0/value", "/argv/2"} < set(paths)
    assert len(secrets) == len(paths)
    assert [ANA] == [event.principal for event in seen if isinstance(event, ApprovalViewed)]
    record = await store.get(done["id"])
    assert record is not None
    assert canonical_text(payload) == canonical_text(record.payload), "the digest covers the real"


async def test_a_route_that_reveals_nothing(
    house: House, agent: Agent, slack: SandboxClient, store: Store
):
    """Such a request can only be rejected: in Slack, and at the command line."""
    name = fresh("sealed")
    agent.ask(name, {"password": "correct-horse"})
    ts = await card(slack, name)
    state = await slack.state()
    assert [REJECT] == buttons(state.message(CHANNEL, ts))
    assert "can only be rejected" in full_text(state.message(CHANNEL, ts))
    approval_id = (await agent.tells(name, "asked"))["id"]
    shown = await house.command("show", approval_id, "--reveal")
    assert (3, False) == (shown.code, "correct-horse" in shown.out + shown.err)
    await house.command("show", approval_id)
    approved = await house.command("approve", approval_id, "--yes")
    assert (3, True) == (approved.code, "can only be rejected" in approved.err or "--reveal" in
                         approved.err)  # fmt: skip
    payload = await slack.click_payload("U0ANA", channel=CHANNEL, ts=ts, action_id=REJECT)
    payload["actions"][0]["action_id"] = APPROVE
    assert (await slack.deliver(payload)).ok
    state = await slack.wait_for(lambda state: state.views("U0ANA"), "the review")
    assert (None, False) == (_submit(state, "U0ANA"), REVEAL in page(state, "U0ANA"))
    record = await store.get(approval_id)
    assert record is not None
    assert ("pending", ()) == (record.status, record.views)
    assert 0 == (await house.command("reject", approval_id)).code
    refused = await agent.tells(name, "refused", "ran")
    assert "approval_denied" == refused.get("code")


async def test_at_the_command_line(house: House, agent: Agent, slack: SandboxClient, store: Store):
    """Masked, in words and for scripts; `--reveal` goes on record, and only then it is a view."""
    name = fresh("mine")
    agent.ask(name, {"password": "correct-horse", "user": "ana"})
    await card(slack, name)
    approval_id = (await agent.tells(name, "asked"))["id"]
    for command in (("show", approval_id), ("show", approval_id, "--json"), ("list", "--json")):
        masked = await house.command(*command)
        assert (0, False) == (masked.code, "correct-horse" in masked.out + masked.err), command
    found = json.loads((await house.command("show", approval_id, "--json")).out)
    assert (["/password"], "ana") == (found["masked"], found["payload"]["user"])
    assert 3 == (await house.command("approve", approval_id, "--yes")).code
    shown = await house.command("show", approval_id, "--reveal", "--json")
    assert "correct-horse" == json.loads(shown.out)["payload"]["password"]
    events = [logged.event async for logged in _events(store) if logged.event.id == approval_id]
    assert [(f"cli:{ME}", "/password", "cli")] == [
        (event.principal, event.path, event.surface)
        for event in events
        if isinstance(event, ApprovalRevealed)
    ]
    assert 0 == (await house.command("approve", approval_id, "--yes")).code
    await agent.tells(name, "done")
    told = await house.command("audit", "show", approval_id, COLUMNS="200")
    assert f"cli:{ME} was shown what is masked at /password" in told.out


def _page_of(url: str) -> str:
    with urllib.request.urlopen(url, timeout=10) as answer:
        return str(answer.read().decode())


def _submit(state: State, user: str) -> Any:
    views = state.views(user)
    return views[-1].get("submit") if views else None


async def _events(store: Store) -> AsyncIterator[Any]:
    after = ""
    while found := await store.read(after, limit=500):
        for logged in found:
            yield logged
        after = found[-1].cursor
