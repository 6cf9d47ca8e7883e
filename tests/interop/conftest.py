"""Fixtures of the interop tests; they run only when this folder is named."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from bot.sandbox import Sandbox, SandboxClient, Shortcut, default_workspace

from .bolt import BoltApp, Node, NodeMissing, bolt_app, install

HERE = Path(__file__).parent


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Keep the default run free of npm: collect only where an argument names this folder."""
    named = [Path(arg.partition("::")[0]).resolve() for arg in config.args]
    if any(path == HERE or HERE in path.parents for path in named):
        return None
    return collection_path.suffix == ".py"


@pytest.fixture(scope="session")
def node_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the packages, the app and the schemas."""
    folder = tmp_path_factory.mktemp("interop")
    try:
        Node.find()
    except NodeMissing as error:
        pytest.exit(str(error), returncode=1)
    asyncio.run(install(folder))
    return folder


@pytest.fixture(scope="session")
def schemas(node_folder: Path) -> dict[str, dict[str, Any]]:
    """`sent` (extra keys allowed) and `strict`: all types in one schema each."""
    return {
        name: json.loads((node_folder / f"{name}.json").read_text()) for name in ("sent", "strict")
    }


@pytest.fixture
async def sandbox() -> AsyncIterator[Sandbox]:
    workspace = default_workspace()
    workspace.app.shortcuts = [
        Shortcut("Who can decide this?", "who"),
        Shortcut("New request", "who", "global"),
    ]
    workspace.app.events = {"app_home_opened", "message.channels", "tokens_revoked"}
    async with Sandbox(workspace) as running:
        yield running


@pytest.fixture
async def client(sandbox: Sandbox) -> AsyncIterator[SandboxClient]:
    async with SandboxClient(sandbox.url) as driver:
        yield driver


@pytest.fixture(params=["http", "socket"])
async def app(
    request: pytest.FixtureRequest, node_folder: Path, sandbox: Sandbox, client: SandboxClient
) -> AsyncIterator[BoltApp]:
    """The JavaScript app over each transport."""
    async with bolt_app(node_folder, sandbox, request.param) as running:
        if request.param == "socket":
            await client.wait_for(lambda state: state.sockets, "the app's socket")
        yield running
