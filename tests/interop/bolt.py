"""Node, the packages from npm, and the running JavaScript app, for the tests of this folder."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from bot.sandbox import Sandbox
from tests.support.waiting import wait_until

HERE = Path(__file__).parent
FILES = ("package.json", "tsconfig.json", "payloads.ts", "bolt_app.mjs")
# The types whose schemas are wanted with Slack's extra keys allowed, and without.
_SCHEMAS = {"sent.json": ["--additional-properties"], "strict.json": []}


def program(name: str) -> str:
    """The path of `node`, `npm` or `npx`."""
    found = shutil.which(name)
    if found is None:
        pytest.fail(f"the interop tests need {name}: install Node.js 20 or later", pytrace=False)
    return found


async def run(folder: Path, *command: str) -> None:
    """Run a program in `folder` and expect success."""
    process = await asyncio.create_subprocess_exec(
        *command, cwd=folder, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
    )
    output, _ = await process.communicate()
    assert process.returncode == 0, f"{command[0]} failed:\n{output.decode()}"


async def install(folder: Path) -> None:
    """Put the pinned packages and the files of the app into `folder`, and make the schemas."""
    for name in FILES:
        shutil.copy(HERE / name, folder / name)
    npm = program("npm")
    flags = ("--no-package-lock", "--no-audit", "--no-fund", "--ignore-scripts")
    await run(folder, npm, "install", *flags)
    generator = str(
        folder / "node_modules" / "ts-json-schema-generator" / "bin" / "ts-json-schema-generator.js"
    )
    for name, options in _SCHEMAS.items():
        await run(
            folder, program("node"), generator, "--path", "payloads.ts", "--type", "*",
            "--tsconfig", "tsconfig.json", "--no-type-check", "--out", name, *options,
        )  # fmt: skip


@dataclass
class BoltApp:
    """A running app; `lines` is what it got so far."""

    lines: list[dict[str, Any]] = field(default_factory=list)

    def bodies(self, kind: str) -> list[Any]:
        """What it got of one kind."""
        return [line["body"] for line in self.lines if line["kind"] == kind]

    async def got(self, kind: str, count: int = 1) -> Any:
        """The latest body of a kind, once there are `count`."""
        await wait_until(
            lambda: len(self.bodies(kind)) >= count or self.bodies("error"),
            f"{count} {kind} at the JavaScript app",
        )
        assert self.bodies("error") == []
        return self.bodies(kind)[-1]


@asynccontextmanager
async def bolt_app(folder: Path, sandbox: Sandbox, transport: str) -> AsyncIterator[BoltApp]:
    """The app, connected to `sandbox` over `http` or `socket`."""
    environment = os.environ | {
        "API_URL": sandbox.api_url,
        "BOT_TOKEN": sandbox.bot_token,
        "APP_TOKEN": sandbox.app_token,
        "SIGNING_SECRET": sandbox.signing_secret,
        "TRANSPORT": transport,
    }
    process = await asyncio.create_subprocess_exec(
        program("node"), "bolt_app.mjs", cwd=folder, env=environment,
        stdout=asyncio.subprocess.PIPE, limit=2**22,
    )  # fmt: skip
    app = BoltApp()

    async def read() -> None:
        assert process.stdout is not None
        async for line in process.stdout:
            if line.startswith(b"{"):
                app.lines.append(json.loads(line))

    reading = asyncio.ensure_future(read())
    try:
        await wait_until(lambda: app.bodies("ready"), "the JavaScript app", timeout=30)
        sandbox.request_url = app.bodies("ready")[0]
        yield app
    finally:
        if process.returncode is None:
            process.terminate()
        await process.wait()
        await reading
