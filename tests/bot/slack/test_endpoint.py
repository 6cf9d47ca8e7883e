"""The HTTP way in: only what Slack signed just now, never a 5xx, never a body in a log."""

from __future__ import annotations

import asyncio
import io
import json
import logging
import time
from collections.abc import AsyncIterator, Iterator
from typing import Any
from urllib.parse import urlencode, urlsplit

import aiohttp
import pytest

from bot.sandbox import signed_headers
from bot.slack.endpoint import MAX_BODY
from gate import ApprovalStatus
from tests.bot.slack.office import APPROVE, CHANNEL, Office
from tests.support.waiting import wait_until

MARK = "s3cret-in-the-body"
FORM = "application/x-www-form-urlencoded"


@pytest.fixture
async def http() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession() as session:
        yield session


@pytest.fixture(autouse=True)
def no_body_in_any_log(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    """Nothing of a body, and no traceback, is in any log, at any level."""
    caplog.set_level(logging.DEBUG)
    # As `bot.telemetry` has it: their lower levels print bodies.
    caplog.set_level(logging.ERROR, "slack_bolt.RequestVerification")
    caplog.set_level(logging.WARNING, "slack_bolt")
    caplog.set_level(logging.WARNING, "slack_sdk")
    yield
    assert MARK not in caplog.text
    assert "Traceback" not in caplog.text


async def signed_click(at: Office, ts: str | None = None) -> tuple[str, dict[str, str]]:
    """Return a body that would approve, and the headers that Slack would send with it."""
    shown = ts or await at.ask()
    payload = await at.people.click_payload("U0ANA", channel=CHANNEL, ts=shown, action_id=APPROVE)
    body = urlencode({"payload": json.dumps(payload | {"mark": MARK})})
    return body, headers_for(at, body)


def headers_for(at: Office, body: str, *, age: float = 0.0, secret: str = "") -> dict[str, str]:
    at_time = int(time.time() - age)
    return {"Content-Type": FORM} | signed_headers(secret or at.slack.signing_secret, at_time, body)


async def pending(at: Office) -> bool:
    return (await at.found()).status is ApprovalStatus.PENDING


async def test_what_slack_signed(at: Office, http: aiohttp.ClientSession):
    """A signed click decides."""
    body, headers = await signed_click(at)
    async with http.post(at.url, data=body, headers=headers) as answer:
        assert 200 == answer.status
    assert not await pending(at)


async def test_the_same_request_twice(at: Office, http: aiohttp.ClientSession):
    """A doubled delivery is answered alike, has one effect and one answer."""
    body, headers = await signed_click(at)
    for _ in range(2):
        async with http.post(at.url, data=body, headers=headers) as answer:
            assert 200 == answer.status
    found = await at.found()
    assert (ApprovalStatus.APPROVED, 1) == (found.status, len(found.votes))
    assert [] == await at.refusals()
    assert 1 == len(await at.answers("U0ANA"))


@pytest.mark.parametrize(
    "change",
    [
        lambda headers: headers.pop("X-Slack-Signature"),
        lambda headers: headers.pop("X-Slack-Request-Timestamp"),
        lambda headers: headers.update({"X-Slack-Signature": ""}),
        lambda headers: headers.update({"X-Slack-Signature": "v0=" + "0" * 64}),
        lambda headers: headers.update({"X-Slack-Signature": "v0=é"}),
        lambda headers: headers.update({"X-Slack-Signature": "v0=" + "a" * 4000}),
        lambda headers: headers.update({"X-Slack-Request-Timestamp": "abc"}),
        lambda headers: headers.update({"X-Slack-Request-Timestamp": ""}),
        lambda headers: headers.update({"X-Slack-Request-Timestamp": "-1"}),
        lambda headers: headers.update({"X-Slack-Request-Timestamp": "1e9"}),
        lambda headers: headers.update({"X-Slack-Request-Timestamp": "٣"}),
        lambda headers: headers.update({"X-Slack-Request-Timestamp": "9" * 400}),
        lambda headers: headers.update({"X-Slack-Request-Timestamp": "0"}),
    ],
)
async def test_what_slack_did_not_sign(at: Office, http: aiohttp.ClientSession, change: Any):
    """A missing, wrong or odd header is refused before anything is parsed."""
    body, headers = await signed_click(at)
    change(headers)
    async with http.post(at.url, data=body, headers=headers) as answer:
        assert 401 == answer.status
        assert MARK not in await answer.text()
    assert await pending(at)


@pytest.mark.parametrize("age", [301, -301, 86400])
async def test_what_slack_signed_long_ago_or_will(
    at: Office, http: aiohttp.ClientSession, age: float
):
    """Outside of five minutes a right signature is no signature."""
    body, _ = await signed_click(at)
    async with http.post(at.url, data=body, headers=headers_for(at, body, age=age)) as answer:
        assert 401 == answer.status
    assert await pending(at)


async def test_another_secret_and_another_body(at: Office, http: aiohttp.ClientSession):
    """The signature is over this body, with this app's secret."""
    body, headers = await signed_click(at)
    for sent, given in (
        (body, headers_for(at, body, secret="other")),
        (body + "&more=1", headers),
        ("", headers),
    ):
        async with http.post(at.url, data=sent, headers=given) as answer:
            assert 401 == answer.status
    assert await pending(at)


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "PATCH"])
async def test_only_posts(at: Office, http: aiohttp.ClientSession, method: str):
    """The address knows no other method."""
    async with http.request(method, at.url) as answer:
        assert 405 == answer.status


async def test_a_huge_body(at: Office, http: aiohttp.ClientSession):
    """More than a mebibyte is not read, whatever its signature."""
    body = "a" * (MAX_BODY + 1)
    data = io.BytesIO(body.encode())
    async with http.post(at.url, data=data, headers=headers_for(at, body)) as answer:
        assert 413 == answer.status


def _bodies() -> list[str]:
    payloads: list[Any] = [
        None, 1, "text", [], [1], {}, {"type": None}, {"type": 7}, {"type": []},
        {"type": "block_actions"},
        {"type": "block_actions", "actions": None},
        {"type": "block_actions", "actions": []},
        {"type": "block_actions", "actions": "x"},
        {"type": "block_actions", "actions": {}},
        {"type": "block_actions", "actions": [None]},
        {"type": "block_actions", "actions": ["x"]},
        {"type": "block_actions", "actions": [{"action_id": APPROVE}], "user": []},
        {"type": "block_actions", "actions": [{"action_id": [APPROVE], "block_id": {}}]},
        {"type": "block_actions", "actions": [{"action_id": APPROVE}], "team": 5},
        {"type": "block_actions", "actions": [{"action_id": APPROVE}], "channel": "C1"},
        {"type": "block_actions", "actions": [{"action_id": APPROVE}], "view": "v"},
        {"type": "block_actions", "actions": [{"action_id": APPROVE}], "enterprise": 1},
        {"type": "block_actions", "actions": [{"action_id": APPROVE}], "authorizations": [1]},
        {"type": "block_actions", "actions": [{"action_id": APPROVE}], "container": 1},
        {"type": "block_actions", "actions": [{"action_id": APPROVE}], "message": [1]},
        {"type": "view_submission"},
        {"type": "view_submission", "view": None},
        {"type": "view_submission", "view": "x"},
        {"type": "view_submission", "view": {"callback_id": "signoff_reject_form"}},
        {"type": "view_submission", "view": {"callback_id": ["signoff_reject_form"]}},
        {"type": "view_closed", "view": {}},
        {"type": "event_callback", "event": "x"},
        {"type": "event_callback", "event": {"type": "message", "text": MARK}},
        {"type": "shortcut", "callback_id": MARK},
        {"type": "message_action", "callback_id": "signoff_who"},
        {"type": "message_action", "callback_id": "signoff_who", "user": {"id": MARK}},
        {"type": "view_submission", "view": {"callback_id": "signoff_review_form"}},
        {"type": "view_submission", "view": {"callback_id": "signoff_review_form", "id": MARK}},
        {"type": "block_actions", "actions": [{"action_id": "signoff_page"}], "view": {}},
        {"type": "event_callback", "event": {"type": "app_home_opened"}},
        {"type": "event_callback", "event": {"type": "app_home_opened", "user": MARK}},
        {"type": "url_verification", "challenge": "c"},
    ]  # fmt: skip
    forms = [urlencode({"payload": json.dumps(payload)}) for payload in payloads]
    raw = [
        "", "a", "payload", "payload=", "payload=%ff", "payload=%7B", f"payload={MARK}",
        "payload=" + "[" * 100_000, "payload=NaN", "payload=" + "1" * 5000,
        f"command=%2Fsignoff&text={MARK}", "ssl_check=1",
        f"command=%2Fsignoff&user_id={MARK}&team_id=T1&channel_id=C1",
        f"command=%2Fsignoff&user_id=U1&team_id=T1&channel_id={MARK}", "payload=1&payload=2",
        "\x00", "=" * 100, "&" * 100,
    ]  # fmt: skip
    return [*forms, *raw]


@pytest.mark.parametrize("kind", [FORM, "application/json", "text/plain", "x/y; charset=bogus"])
async def test_malformed_bodies(at: Office, http: aiohttp.ClientSession, kind: str):
    """Nothing that is signed and malformed makes an error of the server's, or a traceback."""
    for body in _bodies():
        headers = headers_for(at, body) | {"Content-Type": kind}
        async with http.post(at.url, data=body.encode(), headers=headers) as answer:
            assert answer.status < 500, body[:200]
            assert "Traceback" not in await answer.text()


@pytest.mark.parametrize("raw", [b"\xff\xfe", b"payload=\xc3\x28", b"\x80" * 100])
async def test_bytes_that_are_no_text(at: Office, http: aiohttp.ClientSession, raw: bytes):
    """Bytes that are no UTF-8 cannot be signed by Slack."""
    headers = headers_for(at, raw.decode("latin-1"))
    async with http.post(at.url, data=raw, headers=headers) as answer:
        assert answer.status in (400, 401)


@pytest.mark.parametrize("cut", [True, False])
async def test_a_request_that_stops_in_the_middle(
    at: Office, caplog: pytest.LogCaptureFixture, cut: bool
):
    """A body that never ends keeps nobody waiting, also not for ever, and makes no noise."""
    target = urlsplit(at.url)
    reader, writer = await asyncio.open_connection(target.hostname, target.port)
    writer.write(b"POST /slack/events HTTP/1.1\r\nHost: a\r\nContent-Length: 1000\r\n\r\npayload=")
    await writer.drain()
    body, headers = await signed_click(at)
    async with (
        aiohttp.ClientSession() as http,
        http.post(at.url, data=body, headers=headers) as answer,
    ):
        assert 200 == answer.status
    if not cut:
        assert b"400" in await reader.readline()
    writer.close()
    await writer.wait_closed()
    await wait_until(lambda: "request.incomplete" in caplog.text, "the end of it is noted")


async def test_an_error_of_ours_is_no_5xx_and_no_success(
    at: Office, http: aiohttp.ClientSession, caplog: pytest.LogCaptureFixture
):
    """An unexpected error in a listener is logged by its class, and Slack shows its error sign."""
    body, headers = await signed_click(at)

    async def break_down(verb: str) -> None:
        raise RuntimeError(MARK)

    at.store.fault = break_down
    async with http.post(at.url, data=body, headers=headers) as answer:
        assert 400 == answer.status
    assert "RuntimeError" in caplog.text
    assert await pending(at)
