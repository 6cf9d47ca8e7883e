"""Uploads in three steps, and blocks.validate."""

from __future__ import annotations

import json
from typing import Any

import aiohttp
import pytest
from slack_sdk.web.async_client import AsyncWebClient

from bot.sandbox import Sandbox, SandboxClient

from .conftest import APPROVALS, card, modal, refused

DIFF = b"--- a\n+++ b\n"


async def test_a_file_is_shown_in_a_thread(
    sandbox: Sandbox, web: AsyncWebClient, client: SandboxClient
) -> None:
    """The SDK's upload lands as a reply with the file; its bytes can be read back."""
    ts = (await web.chat_postMessage(channel=APPROVALS, text="x"))["ts"]
    await web.files_upload_v2(
        channel=APPROVALS, thread_ts=ts, filename="change.diff", title="The change",
        content=DIFF, initial_comment="for reading",
    )  # fmt: skip
    reply = (await client.thread(APPROVALS, ts))[0]
    file = reply["files"][0]
    assert ("for reading", "change.diff", "The change", len(DIFF), "diff") == (
        reply["text"], file["name"], file["title"], file["size"], file["filetype"],
    )  # fmt: skip
    url = f"{sandbox.url}/files/{file['id']}"
    async with aiohttp.ClientSession() as session, session.get(url) as response:
        assert (DIFF, "attachment") == (
            await response.read(),
            response.headers["Content-Disposition"],
        )
    await web.files_delete(file=file["id"])
    assert "files" not in (await client.thread(APPROVALS, ts))[0]


async def _upload(web: AsyncWebClient, content: bytes = DIFF) -> tuple[str, int]:
    """An uploaded, not yet completed file, and the status of the upload."""
    answer = await web.files_getUploadURLExternal(filename="a.txt", length=len(DIFF))
    async with (
        aiohttp.ClientSession() as session,
        session.post(answer["upload_url"], data=content) as response,
    ):
        return str(answer["file_id"]), response.status


async def test_an_upload_must_be_whole(web: AsyncWebClient) -> None:
    """The announced length counts; a file is completed once, and only when it was uploaded."""
    short, status = await _upload(web, b"x")
    assert 400 == status
    call = web.files_completeUploadExternal(files=[{"id": short}], channel_id=APPROVALS)
    assert "file_not_found" == (await refused(call))["error"]
    whole, status = await _upload(web)
    assert 200 == status
    await web.files_completeUploadExternal(files=[{"id": whole}], channel_id=APPROVALS)
    call = web.files_completeUploadExternal(files=[{"id": whole}], channel_id=APPROVALS)
    assert "file_not_found" == (await refused(call))["error"]


@pytest.mark.parametrize(
    ("args", "error"),
    [
        ({"channel_id": "C404"}, "channel_not_found"),
        ({"channel_id": "C0GENERAL"}, "not_in_channel"),
        ({"files": []}, "invalid_arguments"),
        ({"thread_ts": "1.0", "channels": f"{APPROVALS},C0PRIVATE"}, "invalid_arguments"),
    ],
)
async def test_an_upload_is_refused_where_a_post_is(
    web: AsyncWebClient, args: dict[str, Any], error: str
) -> None:
    """Channel and arguments are checked with Slack's words."""
    file, _ = await _upload(web)
    given = {"files": json.dumps([{"id": file}]), **args}
    answer = await refused(web.api_call("files.completeUploadExternal", params=given))
    assert error == answer["error"]


async def test_an_upload_can_fail(web: AsyncWebClient, client: SandboxClient) -> None:
    """The upload is a call like the others for faults."""
    await client.faults.server_error(method="upload", status=503)
    assert 503 == (await _upload(web))[1]


async def _validated(sandbox: Sandbox, **args: Any) -> dict[str, Any]:
    url = f"{sandbox.api_url}blocks.validate"
    form = {key: json.dumps(value) for key, value in args.items()}
    async with aiohttp.ClientSession() as session, session.post(url, data=form) as response:
        answer: dict[str, Any] = await response.json()
        return answer


@pytest.mark.parametrize(
    "args",
    [
        {"blocks": card()},
        {"view": modal()},
        {"view": {"type": "home", "blocks": card()}},
        {"message": {"text": "x", "blocks": card()}},
    ],
)
async def test_good_pieces_are_valid(sandbox: Sandbox, args: dict[str, Any]) -> None:
    """`ok: true` and nothing else, without a token."""
    assert {"ok": True} == await _validated(sandbox, **args)


async def test_problems_are_told_one_by_one(sandbox: Sandbox) -> None:
    """Each with pointer, code, message, and the constraint that was broken."""
    blocks = [
        {"type": "section", "text": {"type": "mrkdwn", "text": "x" * 3001}},
        {"type": "header", "text": {"type": "mrkdwn", "text": "x"}},
        {"type": "divider", "colour": "red"},
        {"type": "context"},
    ]
    answer = await _validated(sandbox, blocks=blocks)
    assert (False, "invalid_blocks") == (answer["ok"], answer["error"])
    assert {
        "pointer": "/0/text/text",
        "code": "failed_constraint",
        "message": "must be less than 3001 characters",
        "constraint": {"type": "max_length", "expected": 3000, "got": 3001},
    } == answer["errors"][0]
    assert [
        ("/1/text/type", "failed_constraint"),
        ("/2", "unknown_field"),
        ("/3", "missing_field"),
    ] == [(error["pointer"], error["code"]) for error in answer["errors"][1:]]


@pytest.mark.parametrize(
    ("args", "error"),
    [
        ({}, "invalid_arguments"),
        ({"blocks": [], "view": {}}, "invalid_arguments"),
        ({"view": {"type": "modal"}}, "invalid_view"),
        ({"message": {"blocks": [{}]}}, "invalid_message"),
        ({"message": "x"}, "invalid_message"),
        ({"blocks": "x"}, "invalid_blocks"),
    ],
)
async def test_bad_requests_have_their_word(
    sandbox: Sandbox, args: dict[str, Any], error: str
) -> None:
    """Exactly one argument; the word says which kind was wrong."""
    assert error == (await _validated(sandbox, **args))["error"]
