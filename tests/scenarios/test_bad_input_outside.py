"""P12, P19: bad input from people, files and the environment: refused by name, nothing changed."""

from __future__ import annotations

import json
import logging
import time
from collections.abc import AsyncIterator, Iterator, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import aiohttp
import pytest
from click.testing import CliRunner

from bot.cli import main
from bot.sandbox import signed_headers
from bot.settings import ENVIRONMENT, read_settings
from gate import ApprovalStatus, ConfigError, SignoffError, StoreCorrupt
from stores import open_store
from stores.conformance.samples import pending
from stores.redis import RedisStore
from tests.bot.slack.office import APPROVE, CHANNEL, REJECT, REVIEW, Office, office
from tests.support.junk import JSON_JUNK, MARK, TEXT_JUNK, places, replaced
from tests.support.servers import RedisServer, running_server

FORM = "application/x-www-form-urlencoded"
ROUTES = '[[routes]]\nchannel = "C0APPROVALS"\napprovers = ["U0ANA"]\n'
GIVEN = {"SLACK_BOT_TOKEN": "xoxb-1", "SLACK_APP_TOKEN": "xapp-1"}
SOME = ("nothing", "empty", "long", "null", "path", "zero", "full list", "object", "deep")
"""Enough for places that are tried over HTTP."""


@pytest.fixture
async def at() -> AsyncIterator[Office]:
    async with office() as running:
        yield running


@pytest.fixture
def quiet(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    """Nothing of a body, and no traceback, is in any log."""
    caplog.set_level(logging.INFO)
    for name in ("slack_bolt", "slack_sdk", "slack_bolt.RequestVerification"):
        caplog.set_level(logging.ERROR, name)
    yield
    assert MARK not in caplog.text
    assert "Traceback" not in caplog.text


async def _send(at: Office, http: aiohttp.ClientSession, fields: Mapping[str, str]) -> int:
    body = urlencode(fields, errors="surrogatepass")
    headers = {"Content-Type": FORM}
    headers |= signed_headers(at.slack.signing_secret, int(time.time()), body)
    async with http.post(at.url, data=body, headers=headers) as answer:
        text = await answer.text()
    assert "Traceback" not in text
    assert MARK not in text
    return answer.status


def _small(payload: dict[str, Any]) -> list[tuple[str | int, ...]]:
    """Return the places of a payload that say who, where and what; not the text of the card."""
    return [path for path in places(payload) if "blocks" not in path and "attachments" not in path]


@pytest.mark.usefixtures("quiet")
@pytest.mark.parametrize("action", [APPROVE, REJECT, REVIEW])
async def test_clicks(at: Office, action: str):
    """P12: a signed click with anything anywhere is no 5xx, and never an answer of who may not.

    Dan is a member of the workspace and no approver: whatever field is changed, what he sends
    decides nothing.
    """
    ts = await at.ask(payload={"rows": ["x" * 100] * 200} if action == REVIEW else None)
    payload = await at.people.click_payload("U0DAN", channel=CHANNEL, ts=ts, action_id=action)
    paths = _small(payload)
    assert 15 < len(paths)
    async with aiohttp.ClientSession() as http:
        for path in paths:
            for name in SOME:
                changed = replaced(payload, path, JSON_JUNK[name])
                status = await _send(at, http, {"payload": json.dumps(changed)})
                assert status < 500, (path, name)
            await at.clock.advance(10)
        found = await at.found()
        assert (ApprovalStatus.PENDING, ()) == (found.status, found.votes)
        # After all that a good click counts.
        good = await at.people.click_payload("U0ANA", channel=CHANNEL, ts=ts, action_id=REJECT)
        assert 200 == await _send(at, http, {"payload": json.dumps(good)})
        assert "signoff_reject_form" == (await at.view("U0ANA"))["callback_id"]


@pytest.mark.usefixtures("quiet")
async def test_slash_commands_and_homes(at: Office):
    """Any text after the command, any field of it, any look at the home: answered or refused."""
    await at.ask()
    fields = {
        "command": "/signoff", "text": "", "user_id": "U0DAN", "team_id": "T0SANDBOX",
        "channel_id": CHANNEL, "trigger_id": "1.2", "api_app_id": "A0SIGNOFF",
    }  # fmt: skip
    event = {
        "type": "event_callback",
        "team_id": "T0SANDBOX",
        "event_id": "Ev1",
        "event": {"type": "app_home_opened", "user": "U0DAN", "tab": "home"},
    }
    async with aiohttp.ClientSession() as http:
        for field in fields:
            for name, text in TEXT_JUNK.items():
                assert await _send(at, http, fields | {field: text}) < 500, (field, name)
            await at.clock.advance(10)
        for verb in ("approve", "reject", "show", "list"):
            for name, text in TEXT_JUNK.items():
                status = await _send(at, http, fields | {"text": f"{verb} {text}"})
                assert status < 500, (verb, name)
            await at.clock.advance(10)
        for path in places(event):
            for name in SOME:
                changed = replaced(event, path, JSON_JUNK[name])
                assert await _send(at, http, {"payload": json.dumps(changed)}) < 500, (path, name)
    await at.settle()
    assert ApprovalStatus.PENDING is (await at.found()).status


@pytest.fixture(scope="module")
def server() -> Iterator[RedisServer]:
    with running_server("redis") as running:
        yield running


@pytest.fixture
def url(server: RedisServer) -> str:
    server.ask("FLUSHALL")
    return server.url


@pytest.mark.parametrize("verb", ["show", "approve", "reject", "cancel", "audit"])
def test_the_command_line(verb: str, url: str):
    """Any id and any namespace: one sentence, an exit code, and nothing in the store."""
    verbs = ["audit", "show"] if verb == "audit" else [verb]
    environ = {"SIGNOFF_REDIS_URL": url, "NO_COLOR": "1"}
    for name, text in TEXT_JUNK.items():
        for arguments in ([*verbs, "--", text], [*verbs, "x", f"--namespace={text}"]):
            ended = CliRunner().invoke(main, arguments, env=environ, input="y\n")
            assert ended.exit_code in (1, 2, 3), (name, ended.output)
            assert isinstance(ended.exception, SystemExit), name
            assert len(ended.output) < 1000, name
            assert "\x1b" not in ended.output
            assert "\0" not in ended.output
            assert MARK not in ended.output, name


@pytest.mark.parametrize("variable", ENVIRONMENT)
def test_the_environment(variable: str, tmp_path: Path):
    """Any text in any variable: it is taken, or the start is refused by the variable's name."""
    (tmp_path / "signoff.toml").write_text(ROUTES, encoding="utf-8")
    for name, text in TEXT_JUNK.items():
        try:
            found = read_settings(GIVEN | {variable: text}, directory=tmp_path)
        except ConfigError as error:
            refused = error
        else:
            assert MARK not in f"{found!r}" or variable == "SLACK_API_URL", name
            continue
        assert variable in refused.setting, name
        assert len(str(refused)) < 500, name
        assert MARK not in f"{refused} {refused!r}" or variable == "SIGNOFF_CONFIG", name


FILE_KEYS = (
    "undeliverable_after", "max_pending", "max_per_minute", "retention", "routes", "agents",
    "color",
)  # fmt: skip
TEXTS = {"routes.agent", "routes.name", "routes.namespace"}
"""What may be any text."""
TAKEN = {
    ("undeliverable_after", "float"), ("routes.expires_in", "float"), ("agents", "object"),
    ("routes.self_approval", "true"),
    *((f"routes.{key}", name) for key in ("quorums", "notify", "ladder", "teams")
      for name in ("list", "list of nothing")),
}  # fmt: skip
"""What is no junk just there; TOML has no null, so that a list of nothing is an empty one."""
ROUTE_KEYS = (
    "agent", "name", "namespace", "channel", "approvers", "needed", "quorums", "deny_threshold",
    "expires_in", "notify", "ladder", "teams", "self_approval", "color",
)  # fmt: skip


@pytest.mark.parametrize("key", [*FILE_KEYS, *(f"routes.{key}" for key in ROUTE_KEYS)])
def test_the_file(key: str, tmp_path: Path):
    """Any value of any key: a pattern or a name may be any text, the rest is refused by its key."""
    for name, junk in JSON_JUNK.items():
        if junk is None or name == "large":
            continue  # TOML has neither
        line = f"{key.rpartition('.')[2]} = {_toml(junk)}\n"
        route = {"channel": '"C0APPROVALS"', "approvers": '["U0ANA"]'}
        route.pop(key.rpartition(".")[2], None)
        table = "[[routes]]\n" + "".join(f"{left} = {right}\n" for left, right in route.items())
        text = table + line if key.startswith("routes.") else line + table * (key != "routes")
        (tmp_path / "signoff.toml").write_text(text, encoding="utf-8")
        try:
            read_settings(GIVEN, directory=tmp_path)
        except ConfigError as error:
            refused = error
        else:
            assert key in TEXTS or (key, name) in TAKEN, name
            continue
        assert "signoff.toml" in refused.setting, name
        assert len(str(refused)) < 500, name
        assert MARK not in f"{refused} {refused!r}", name


def _toml(value: Any) -> str:
    if isinstance(value, dict):
        inside = ", ".join(f"{json.dumps(name)} = {_toml(part)}" for name, part in value.items())
        return "{" + inside + "}"
    if isinstance(value, list):
        return "[" + ", ".join(_toml(part) for part in value if part is not None) + "]"
    if isinstance(value, bool):
        return "true" if value else "false"
    # Escaped whole, so that no control character ends the file early.
    return json.dumps(value) if not isinstance(value, str) else _quoted(value)


def _quoted(text: str) -> str:
    return '"' + "".join(f"\\U{ord(letter):08x}" for letter in text) + '"'


@pytest.mark.parametrize("text", TEXT_JUNK.values(), ids=TEXT_JUNK)
async def test_addresses_of_a_store(text: str):
    """What is no address of ours opens nothing, and is not repeated."""
    for address in (text or " ", f"redis://{text}", f"redis://127.0.0.1:{text}", f"http://{text}"):
        with pytest.raises(SignoffError) as caught:
            async with open_store(address, environ={}, operation_timeout=0.2):
                pass
        assert MARK not in f"{caught.value} {caught.value!r}"


@pytest.mark.parametrize("text", TEXT_JUNK.values(), ids=TEXT_JUNK)
async def test_names_and_cursors_of_a_store(text: str, url: str, server: RedisServer):
    """T17: a name is a name, whatever it looks like: no other key is read, written or run."""
    async with RedisStore(url) as store:
        await store.put(pending("x"))
        assert await store.get(text) is None
        assert {} == await store.cards(text)
        assert await store.keep_card(text, text, text)
        assert {text: text} == await store.cards(text)
        assert await store.hold(text, text, seconds=1) == 1
        assert "" == await store.position(text)
        assert ["x"] == list(await store.pending(after=text))
        if text:
            with pytest.raises(ValueError, match="cursor"):
                await store.read(text)
        with pytest.raises(ValueError, match="cursor"):
            await store.advance("reader", text)
        assert pending("x") == await store.get("x")
    names = server.ask("KEYS", "*")
    assert all(part.startswith(b"signoff:") for part in names.split(b"\r\n")[2::2] if part)


async def test_a_poisoned_store_stops_nobody_else(url: str, server: RedisServer):
    """One record of junk is unreadable by itself; the others are read, listed and answered."""
    async with RedisStore(url) as store:
        for name in ("bad", "good"):
            await store.put(pending(name))
        for text in TEXT_JUNK.values():
            server.ask("SET", "signoff:{0}:request:bad", text)
            with pytest.raises(StoreCorrupt):
                await store.get("bad")
            bad, good = await store.get_many(["bad", "good"])
            assert isinstance(bad, StoreCorrupt)
            assert pending("good") == good
