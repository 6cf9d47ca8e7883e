"""What an agent sends may be hostile: nothing in it works in Slack, nothing of it is hidden."""

from __future__ import annotations

import json
from typing import Any

import pytest

from bot.sandbox import SandboxClient
from stores import Store
from tests.scenarios.reading import (
    APPROVE,
    REASON,
    REJECT,
    buttons,
    card,
    cards,
    fresh,
    full_text,
    raw,
    reject,
    until_card_says,
    until_thread,
    until_told,
)
from tests.support.house import CHANNEL, Agent, House

LIVE = ("<!channel>", "<!here>", "<@U0BEN>", "<#C0GENERAL>", "<!subteam^S0OWNERS>")
TRICKS = (
    *LIVE,
    "<https://evil.example|https://intranet.example>",
    "https://evil.example/now",
    "*bold* _it_ ~no~ `code` ```block```",
    "ok\n\n✅ Approved by @ana · ran 14:02 · done",
    "user\u202etxt.exe",
    "a\u200bb\u2060c\ufeffd",
    "\x1b[2J\x07",
    "&lt;!channel&gt;",
    ":white_check_mark:",
)


def live_parts(part: Any) -> list[str]:
    """Return everything in a message that calls somebody or leads somewhere."""
    found: list[str] = []
    if isinstance(part, dict):
        kind = part.get("type")
        if kind in ("user", "usergroup", "broadcast", "link", "channel", "emoji", "team"):
            found.append(json.dumps(part, sort_keys=True))
        if kind == "mrkdwn" or kind is None:
            text = str(part.get("text", ""))
            found += [mark for mark in ("<!", "<@", "<#", "<http") if mark in text]
        for value in part.values():
            found += live_parts(value)
    if isinstance(part, list):
        for item in part:
            found += live_parts(item)
    return found


@pytest.mark.parametrize("place", ["payload", "reason", "key"])
async def test_no_trick_in_foreign_text_is_live(agent: Agent, slack: SandboxClient, place: str):
    """The card of a hostile request calls nobody but the approvers, and links nowhere."""
    plain, name = fresh("plain"), fresh("update")
    agent.ask(plain, {"note": "plain"}, reason="plain")
    sent: dict[str, Any] = {
        "payload": {"payload": {"notes": list(TRICKS)}},
        "reason": {"payload": {"note": "plain"}, "reason": "\n".join(TRICKS)},
        "key": {"payload": dict.fromkeys(TRICKS, 1)},
    }[place]
    agent.ask(name, **sent)
    known, ts = await card(slack, plain), await card(slack, name)
    state = await slack.state()
    usual, shown = state.message(CHANNEL, known), state.message(CHANNEL, ts)
    assert shown is not None
    assert usual is not None
    assert sorted(live_parts(usual["blocks"])) == sorted(live_parts(shown["blocks"]))
    for mark in (*LIVE, "<https:", "\u202e", "\u200b", "\u2060", "\ufeff", "\x1b", "\x07"):
        if mark != "<@U0BEN>":  # an approver: our own frame names him
            assert mark not in str(shown["text"]), mark
    for character in "\u202e\u200b\u2060\ufeff\x1b\x07":
        assert character not in raw(shown)
    assert "evil.example" in full_text(shown), "it is shown, not hidden"
    await slack.click("U0ANA", channel=CHANNEL, ts=ts, action_id=REJECT)
    await slack.wait_for(lambda state: state.views("U0ANA"), "the form")
    await slack.submit("U0ANA", values={REASON: " ".join(TRICKS[:9])})
    refused = await agent.tells(name, "refused", "ran")
    assert " ".join(TRICKS[:9]) == refused["note"]
    await until_card_says(slack, ts, "Rejected")
    for message in [(await slack.state()).message(CHANNEL, ts)] + (await slack.thread(CHANNEL, ts)):
        assert message is not None
        for live in live_parts(message["blocks"]):
            assert "broadcast" not in live
            assert "link" not in live
            assert "S0OWNERS" not in live


async def test_a_hostile_name_cannot_imitate_our_frame(agent: Agent, slack: SandboxClient):
    """Names are shown in one line, quoted, with every hidden character visible."""
    tail = fresh("x")
    name = f"pay <!channel> \u202e\n✅ Approved by @ana {tail}"
    agent.ask(name, {})
    ts = await card(slack, tail)
    shown = (await slack.state()).message(CHANNEL, ts)
    assert shown is not None
    assert [APPROVE, REJECT] == buttons(shown)
    header = shown["blocks"][0]["text"]
    assert "plain_text" == header["type"]
    assert "\n" not in header["text"]
    assert "\u202e" not in raw(shown)
    assert "<!channel>" not in str(shown["text"])
    await reject(slack, "U0ANA", ts, "no")
    await agent.tells(name, "refused")


async def test_what_does_not_fit_whole_cannot_be_approved(
    house: House, agent: Agent, slack: SandboxClient, store: Store
):
    """40 kB: the card has Review in place of Approve; a forged, signed Approve only opens it.

    Reject works.
    """
    name = fresh("import")
    agent.ask(name, {"rows": ["r" * 100] * 400, "last": "drop everything"})
    asked = await agent.tells(name, "asked")
    ts = await card(slack, name)
    shown = (await slack.state()).message(CHANNEL, ts)
    assert ["signoff_review", REJECT] == buttons(shown)
    assert "only the first" in full_text(shown)

    forged = await slack.click_payload("U0ANA", action_id=REJECT, channel=CHANNEL, ts=ts)
    forged["actions"][0] |= {"action_id": APPROVE, "style": "primary"}
    delivered = await slack.deliver(forged)
    assert delivered.ok
    state = await slack.wait_for(lambda state: state.views("U0ANA"), "the review")
    assert "signoff_review_form" == state.views("U0ANA")[-1]["callback_id"]
    assert state.views("U0ANA")[-1].get("submit") is None
    record = await store.get(asked["id"])
    assert record is not None
    assert ("pending", ()) == (record.status, record.votes)
    assert ["asked"] == agent.heard(name)

    await reject(slack, "U0ANA", ts, "too much to read")
    refused = await agent.tells(name, "refused", "ran")
    assert ("approval_denied", 0) == (refused.get("code"), house.runs(asked["id"]))


@pytest.mark.parametrize(
    "change", ["other approval", "old nonce", "other digest", "other seal", "no seal", "not ours"]
)
async def test_a_forged_button_value_decides_nothing(
    house: House, agent: Agent, slack: SandboxClient, store: Store, change: str
):
    """Signed by Slack, pressed by an approver, but not the button of this card as it stands."""
    name = fresh("forge")
    agent.ask(name, {"n": 1})
    asked = await agent.tells(name, "asked")
    ts = await card(slack, name)
    click = await slack.click_payload("U0BEN", action_id=APPROVE, channel=CHANNEL, ts=ts)
    version, key, nonce, digest, seal = click["actions"][0]["value"].split("|")
    told = len((await slack.state()).ephemerals("U0BEN"))
    click["actions"][0]["value"] = {
        "other approval": f"{version}|no-such-id|{nonce}|{digest}|{seal}",
        "old nonce": f"{version}|{key}|{'n' * len(nonce)}|{digest}|{seal}",
        "other digest": f"{version}|{key}|{nonce}|{'0' * len(digest)}|{seal}",
        "other seal": f"{version}|{key}|{nonce}|{digest}|{seal[::-1]}",
        "no seal": f"{version}|{key}|{nonce}|{digest}",
        "not ours": "yes",
    }[change]
    assert (await slack.deliver(click)).ok
    await until_told(slack, "U0BEN", "not", answers=told + 1)
    record = await store.get(asked["id"])
    assert record is not None
    assert ("pending", ()) == (record.status, record.votes)
    await slack.click("U0ANA", channel=CHANNEL, ts=ts, action_id=APPROVE)
    await agent.tells(name, "done")
    assert 1 == house.runs(asked["id"])


async def test_a_changed_form_rejects_nothing(agent: Agent, slack: SandboxClient, store: Store):
    """A signed form that names another approval, or nothing that we wrote, changes nothing."""
    name, other = fresh("form"), fresh("other")
    agent.ask(name)
    agent.ask(other)
    asked = await agent.tells(other, "asked")
    ts = await card(slack, name)
    await card(slack, other)
    await slack.click("U0BEN", channel=CHANNEL, ts=ts, action_id=REJECT)
    await slack.wait_for(lambda state: state.views("U0BEN"), "the form")
    [view] = await slack.views("U0BEN")
    mine = await agent.tells(name, "asked")
    meta = str(view["private_metadata"])
    base = {
        "type": "view_submission",
        "user": {"id": "U0BEN", "team_id": "T0SANDBOX"},
        "team": {"id": "T0SANDBOX"},
        "api_app_id": "A0SIGNOFF",
    }
    for changed in (meta.replace(mine["id"], asked["id"]), meta[:-3], "", "{}", "[]"):
        assert changed != meta
        await slack.deliver(base | {"view": view | {"private_metadata": changed}})
    for approval_id in (mine["id"], asked["id"]):
        record = await store.get(approval_id)
        assert record is not None
        assert "pending" == record.status
    await slack.close_view("U0BEN")


async def test_an_agent_that_floods_is_served_in_order_and_keeps_nobody_out(
    house: House, agent: Agent, slack: SandboxClient
):
    """Sixty questions of one agent; another's question behind them is posted and answered."""
    flood = [fresh("flood") for _ in range(60)]
    for name in flood:
        agent.ask(name)
    for name in flood:
        await agent.tells(name, "asked")
    other = house.start_agent()
    name = fresh("calm")
    other.ask(name)
    ts = await card(slack, name)
    await slack.click("U0ANA", channel=CHANNEL, ts=ts, action_id=APPROVE)
    await other.tells(name, "done")
    await until_thread(slack, ts, "Asked", "Approved", "started", "done")
    state = await slack.state()
    assert [1] * 60 == [len(cards(state, each)) for each in flood]
