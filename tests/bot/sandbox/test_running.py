"""`python -m bot.sandbox` says where it listens, serves the page, stops when told."""

from __future__ import annotations

import asyncio
import json
import signal
import sys
from importlib.resources import files
from pathlib import Path

import aiohttp
import pytest

from bot.sandbox import Sandbox

ROOT = Path(__file__).parents[3]
PAGE = ["index.html", *sorted(
    item.name for item in (ROOT / "bot/sandbox/page").iterdir() if item.name != "index.html"
)]  # fmt: skip


@pytest.mark.parametrize("signum", [signal.SIGTERM, signal.SIGINT])
async def test_it_announces_itself_and_stops(tmp_path: Path, signum: signal.Signals) -> None:
    """One JSON line once it listens, the same in the file, exit code 0 on a signal."""
    ready_file = tmp_path / "ready.json"
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "bot.sandbox", "--port", "0", "--ready-file", str(ready_file),
        cwd=ROOT, stdout=asyncio.subprocess.PIPE,
    )  # fmt: skip
    assert process.stdout is not None
    ready = json.loads(await asyncio.wait_for(process.stdout.readline(), 10))
    assert ready == json.loads(ready_file.read_text())
    assert ready["url"].startswith("http://127.0.0.1:")
    async with (
        aiohttp.ClientSession() as session,
        session.post(
            ready["api_url"] + "auth.test", data={"token": ready["bot_token"]}
        ) as response,
    ):
        assert (await response.json())["ok"]
    process.send_signal(signum)
    assert 0 == await asyncio.wait_for(process.wait(), 10)


@pytest.mark.parametrize("name", PAGE)
async def test_the_page_is_served_whole(sandbox: Sandbox, name: str) -> None:
    """Every page file is served from package data, under a policy that allows nothing foreign."""
    path = "/" if name == "index.html" else f"/page/{name}"
    async with aiohttp.ClientSession() as session, session.get(sandbox.url + path) as response:
        assert 200 == response.status
        assert "default-src 'self'" in response.headers["Content-Security-Policy"]
        text = await response.text()
    assert text == files("bot.sandbox").joinpath("page", name).read_text(encoding="utf-8")


@pytest.mark.parametrize("name", PAGE)
def test_the_page_needs_nothing_from_outside(name: str) -> None:
    """No foreign address is loaded and no foreign text becomes markup."""
    text = (ROOT / "bot/sandbox/page" / name).read_text(encoding="utf-8")
    own = text.replace("http://www.w3.org/2000/svg", "")
    for word in ('src="http', 'href="http', "@import", "innerHTML", "outerHTML",
                 "insertAdjacentHTML", "document.write", "eval("):  # fmt: skip
        assert word not in own


async def test_unknown_page_files_are_not_found(sandbox: Sandbox) -> None:
    """Nothing outside the page folder can be read."""
    async with aiohttp.ClientSession() as session:
        for path in ("/page/nope.js", "/page/..%2Fserver.py", "/page/server.py"):
            async with session.get(sandbox.url + path) as response:
                assert 404 == response.status


async def test_a_permalink_leads_to_the_message(sandbox: Sandbox) -> None:
    """An archive path of the sandbox opens the page at that message."""
    async with aiohttp.ClientSession() as session:
        path = "/archives/C0APPROVALS/p1700000000000100"
        async with session.get(sandbox.url + path, allow_redirects=False) as response:
            assert (302, "/?channel=C0APPROVALS&message=1700000000.000100") == (
                response.status,
                response.headers["Location"],
            )
