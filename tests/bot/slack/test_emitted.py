"""The look at all that goes to Slack can fail: every judge, every kind, every way there."""

from __future__ import annotations

import ast
import asyncio
import copy
import sys
from pathlib import Path
from typing import Any

import pytest
from slack_sdk.errors import SlackApiError
from slack_sdk.models.blocks import Block

from bot.messenger import Message
from bot.slack import render
from tests.support.emitted import Emitted, Sandbox
from tests.support.processes import ROOT
from tests.support.validators import NO_MODEL, problems

from .drawn import checked
from .edge import client_of

Json = dict[str, Any]
QUIET = {"unfurl_links": False, "unfurl_media": False}


def _plain(text: str) -> Json:
    return {"type": "plain_text", "text": text, "emoji": False}


def _mrkdwn(text: str) -> Json:
    return {"type": "section", "text": {"type": "mrkdwn", "text": text}}


BUTTON: Json = {
    "type": "button",
    "action_id": "go",
    "text": _plain("Go"),
    "value": "v1",
    "accessibility_label": "Go on",
}
ACTIONS: Json = {"type": "actions", "block_id": "row", "elements": [BUTTON]}
SECTION: Json = {"type": "section", "text": _plain("Words")}
INPUT: Json = {
    "type": "input",
    "block_id": "why",
    "label": _plain("Why?"),
    "element": {"type": "plain_text_input", "action_id": "text", "multiline": True},
}
QUOTE: Json = {
    "type": "rich_text",
    "elements": [{"type": "rich_text_quote", "border": 1, "elements": []}],
}
GOOD: dict[str, Json] = {
    "message": {
        "text": "May I? <@U0ANA> <!subteam^S0OWNERS> &lt;!channel&gt;",
        "blocks": [SECTION, ACTIONS, QUOTE, _mrkdwn("for <@U0ANA> in <#C0APPROVALS>")],
    },
    "modal": {
        "type": "modal",
        "callback_id": "form",
        "title": _plain("Reject"),
        "submit": _plain("Send"),
        "blocks": [SECTION, INPUT],
    },
    "home": {"type": "home", "blocks": [ACTIONS, {**ACTIONS, "block_id": "next"}]},
}


def _with(kind: str, **changes: Any) -> Json:
    return {**copy.deepcopy(GOOD[kind]), **changes}


def _button(**changes: Any) -> Json:
    return {**ACTIONS, "elements": [{**BUTTON, **changes}]}


def _rich(*elements: Json) -> Json:
    part = {"type": "rich_text_section", "elements": list(elements)}
    return {"type": "rich_text", "elements": [part]}


FULL = [{"type": "section", "text": _plain("x" * 2900)} for _ in range(5)]
IMAGE = {"type": "image", "image_url": "https://example.com/x.png", "alt_text": " "}
LINK = {"type": "link", "url": "http://example.com", "text": "here"}

BROKEN: dict[str, tuple[str, str, Json]] = {
    "unknown block": ("slack_sdk", "message", _with("message", blocks=[{"type": "poll"}])),
    "long button": ("slack_sdk", "home", _with("home", blocks=[_button(text=_plain("x" * 76))])),
    "dropped key": ("slack_sdk", "message", _with("message", blocks=[{**SECTION, "colour": 1}])),
    "lost part": ("slack_sdk", "modal", _with("modal", blocks=[_rich({"type": "poll"})])),
    "long title": ("slack_sdk", "modal", _with("modal", title=_plain("x" * 25))),
    "long field": (
        "slackblocks", "message",
        _with("message", blocks=[{"type": "section", "fields": [_plain("x" * 2001)]}]),
    ),
    "51 blocks": ("slackblocks", "message", _with("message", blocks=[SECTION] * 51)),
    "wrong surface": (
        "slackblocks", "message",
        _with("message", blocks=[{"type": "alert", "text": _plain("x")}]),
    ),
    "no submit": (
        "slackblocks", "modal", {k: v for k, v in GOOD["modal"].items() if k != "submit"}
    ),
    "unknown key": ("official types", "message", _with("message", blocks=[_button(size=3)])),
    "mrkdwn on a button": (
        "official types", "home",
        _with("home", blocks=[_button(text={"type": "mrkdwn", "text": "x"})]),
    ),
    "unknown style": ("official types", "modal", _with("modal", blocks=[_button(style="green")])),
    "home with a title": ("official types", "home", _with("home", title=_plain("x"))),
    "no title": (
        "official types", "modal", {k: v for k, v in GOOD["modal"].items() if k != "title"}
    ),
    "no fallback": ("own check", "message", _with("message", text=" ")),
    "long fallback": ("own check", "message", _with("message", text="x" * 4001)),
    "too much": ("own check", "message", _with("message", blocks=FULL)),
    "action twice": (
        "own check", "message",
        _with("message", blocks=[ACTIONS, {**ACTIONS, "block_id": "next"}]),
    ),
    "action twice in a row": (
        "own check", "home", _with("home", blocks=[{**ACTIONS, "elements": [BUTTON, BUTTON]}])
    ),
    "block id twice": ("own check", "home", _with("home", blocks=[ACTIONS, ACTIONS])),
    "long value": ("own check", "home", _with("home", blocks=[_button(value="x" * 2001)])),
    "long label": (
        "own check", "message", _with("message", blocks=[_button(accessibility_label="x" * 76)])
    ),
    "long metadata": ("own check", "modal", _with("modal", private_metadata="\U0001f600" * 1501)),
    "101 blocks": ("own check", "home", _with("home", blocks=[SECTION] * 101)),
    "calls a channel": ("own check", "message", _with("message", blocks=[_mrkdwn("<!channel>")])),
    "calls all": (
        "own check", "message",
        _with("message", blocks=[_rich({"type": "broadcast", "range": "here"})]),
    ),
    "mention in the text": ("own check", "message", _with("message", text="ok <!here|ok>")),
    "no person": ("own check", "message", _with("message", text="<@ana>")),
    "false link": ("own check", "modal", _with("modal", blocks=[_mrkdwn("<https://x.y|docs>")])),
    "bare link": ("own check", "message", _with("message", text="see https://x.example")),
    "unsafe link": ("own check", "message", _with("message", blocks=[_rich(LINK)])),
    "hidden": ("own check", "modal", _with("modal", title=_plain("a\u202eb"))),
    "emoji": (
        "own check", "home",
        _with("home", blocks=[_button(text={**_plain("x"), "emoji": True})]),
    ),
    "nothing to hear": ("own check", "message", _with("message", blocks=[IMAGE])),
    "unfurls": ("own check", "message", _with("message", unfurl_links=True)),
    "no list": ("own check", "message", _with("message", blocks="[]")),
}  # fmt: skip


@pytest.mark.parametrize("kind", GOOD)
def test_good_things_pass(kind: Any):
    """No judge complains without a reason."""
    assert [] == problems(kind, GOOD[kind])


@pytest.mark.parametrize("name", BROKEN)
def test_each_judge_finds_its_faults(name: str):
    """Each fault is found, by the judge that is there for it."""
    judge, kind, body = BROKEN[name]
    found = problems(kind, body)  # type: ignore[arg-type]  # the table's words are kinds
    assert judge in {problem.partition(":")[0] for problem in found}


def test_what_slack_sdk_does_not_know_is_named():
    """The list of blocks without a model is exact: it becomes shorter with the SDK that has one."""
    assert [None] * len(NO_MODEL) == [Block.parse({"type": kind}) for kind in sorted(NO_MODEL)]


def test_drawing_is_judged_at_once():
    """A test of rendering fails where a broken message is drawn."""
    draw = checked(lambda: Message(text=""))
    with pytest.raises(AssertionError, match="notifications"):
        draw()


def test_this_folder_draws_through_judges():
    """The names of rendering in a test module are bound to functions that judge."""
    assert "drawn" in render.__name__
    assert hasattr(render.card, "__wrapped__")


@pytest.mark.parametrize(
    ("method", "sent"),
    [
        ("chat.postMessage", {"channel": "C0APPROVALS", "text": "<!channel>"}),
        ("chat.postEphemeral", {"channel": "C0APPROVALS", "user": "U0ANA", "text": "<!here>"}),
        ("chat.update", {"channel": "C0APPROVALS", "ts": "1.000001", "text": " "}),
        ("views.open", {"trigger_id": "1.2", "view": BROKEN["hidden"][2]}),
        ("views.push", {"trigger_id": "1.2", "view": BROKEN["hidden"][2]}),
        ("views.update", {"view_id": "V1", "view": BROKEN["long title"][2]}),
        ("views.publish", {"user_id": "U0ANA", "view": BROKEN["block id twice"][2]}),
    ],
)
async def test_all_that_a_sandbox_got_is_judged(method: str, sent: Json):
    """Also what the sandbox refused, and what it took."""
    emitted = Emitted()
    async with Sandbox(emitted=emitted) as slack, client_of(slack.api_url) as client:
        try:
            await client.api_call(
                method, json={**sent, "unfurl_links": False, "unfurl_media": False}
            )
        except SlackApiError:
            assert method != "chat.postMessage"
    found = emitted.take()
    assert found
    assert {method} == {problem.partition(":")[0] for problem in found}
    assert [] == emitted.take()


def test_a_link_must_not_unfold():
    """A post that leaves unfurling to Slack's default is a problem."""
    emitted = Emitted()
    emitted.call("chat.postMessage", {"text": "Hello", "unfurl_links": False})
    assert ["chat.postMessage: unfurl_media is not switched off"] == emitted.take()


def test_what_a_form_is_answered_with_is_judged():
    """A view in the answer to a submission, and a text in the answer to a command."""
    emitted = Emitted()
    emitted.answer({"response_action": "push", "view": BROKEN["long title"][2]})
    emitted.answer({"text": "<!here>"})
    emitted.answer({"response_action": "errors", "errors": {"why": "Say more."}})
    emitted.answer(None)
    places = {problem.partition(":")[0] for problem in emitted.take()}
    assert {"answer push", "answer"} == places


FAILING = """
from bot.messenger import Message
from tests.bot.chat import Chat
from tests.bot.slack.edge import client_of, slack_edge
from tests.support.emitted import Sandbox

QUIET = {"channel": "C0APPROVALS", "unfurl_links": False, "unfurl_media": False}


async def test_sandbox():
    async with Sandbox() as slack, client_of(slack.api_url) as client:
        await client.chat_postMessage(**QUIET, text="<!channel>")


async def test_edge():
    async with slack_edge() as edge, client_of(edge.url) as client:
        await client.views_publish(user_id="U1", view={"type": "home", "blocks": []})


async def test_chat():
    await Chat().post("C1", Message(text=""))


async def test_good():
    async with Sandbox() as slack, client_of(slack.api_url) as client:
        await client.chat_postMessage(**QUIET, text="Hello")
"""


async def test_a_broken_message_fails_the_test_that_sent_it(tmp_path: Path):
    """The fixture is at work in every test, and the blame is on the right one."""
    file = tmp_path / "test_failing.py"
    file.write_text(FAILING, encoding="utf-8")
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "pytest", "-q", "-p", "tests.conftest", "-p", "no:cacheprovider",
        "--rootdir", str(tmp_path), "-c", str(ROOT / "pyproject.toml"), str(file),
        cwd=ROOT, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
    )  # fmt: skip
    said = (await process.communicate())[0].decode()
    assert "4 passed, 3 errors" in said, said
    for name in ("test_sandbox", "test_edge", "test_chat"):
        assert f"ERROR {name}" in said or f"::{name}" in said, said
    assert "::test_good" not in said, said


def test_no_test_of_the_product_has_a_sandbox_of_its_own():
    """They take the one that is judged; only the sandbox's own tests send it what is wrong."""
    own = ("tests/bot/sandbox/", "tests/interop/", "tests/support/emitted.py")
    found = []
    for path in sorted((ROOT / "tests").rglob("*.py")):
        name = path.relative_to(ROOT).as_posix()
        if name.startswith(own):
            continue
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("bot.sandbox"):
                found += [name for alias in node.names if alias.name == "Sandbox"]
    assert [] == found
