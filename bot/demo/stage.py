"""Owns the demonstration's processes: started in order, ended by pid, traces removed."""

from __future__ import annotations

import asyncio
import json
import signal
import sys
import tempfile
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from gate import SignoffError
from stores.embedded import end_server

from ..manifest import build

__all__ = ["CHANNEL", "Stage", "StageFailed", "set_stage"]

CHANNEL: Final = "C0APPROVALS"
_CONFIG: Final = "signoff.toml"
_PATIENCE: Final = 20.0

# No pattern: whatever is asked here has a route, the examples included.
_ROUTES: Final = f"""\
[[routes]]
channel = "{CHANNEL}"
approvers = ["U0ANA", "U0BEN", "S0SECURITY"]
expires_in = "1h"
notify = ["mention"]
"""


class StageFailed(SignoffError):
    """A process of the demonstration did not come up, or ended by itself."""

    code = "stage_failed"

    def __init__(self, name: str, reason: str) -> None:
        super().__init__(f"the demonstration's {name} {reason}")


@dataclass(frozen=True)
class Stage:
    """What is up: the sandbox's address, and where the agent leaves its marks."""

    url: str
    folder: Path
    environ: Mapping[str, str]

    @property
    def exports(self) -> Mapping[str, str]:
        """What another terminal needs to use the same server and routes."""
        return {
            "SIGNOFF_HOME": self.environ["SIGNOFF_HOME"],
            "SIGNOFF_CONFIG": str(self.folder / _CONFIG),
        }

    @property
    def marks(self) -> Path:
        """The folder of the agent's side effects."""
        return self.folder / "marks"

    @asynccontextmanager
    async def agent(self, *arguments: str) -> AsyncIterator[asyncio.StreamReader]:
        """Run the agent; give what it prints."""
        async with _process(
            "agent", "-m", "bot.demo.agent", *arguments, "--marks", str(self.marks),
            environ=self.environ, folder=self.folder,
        ) as process:  # fmt: skip
            assert process.stdout is not None  # noqa: S101  (it was asked for)
            yield process.stdout


@asynccontextmanager
async def set_stage(environ: Mapping[str, str], *, port: int = 0) -> AsyncIterator[Stage]:
    """Start sandbox, bot and, through the bot, the embedded server.

    Args:
        environ: The environment; what would point to another Slack or store is left out.
        port: Of the sandbox's page; 0 takes a free one.

    Raises:
        StageFailed: A process did not come up.
    """
    async with AsyncExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="signoff-")))
        (folder / "marks").mkdir()
        (folder / _CONFIG).write_text(_ROUTES, encoding="utf-8")
        own = {name: value for name, value in environ.items() if not name.startswith("SLACK_")}
        own = {name: value for name, value in own.items() if not name.startswith("SIGNOFF_")}
        own["SIGNOFF_HOME"] = str(folder / "home")
        # After the bot, before the folder goes: somebody else's program may still use the server.
        stack.push_async_callback(end_server, own)
        # What a person does with `signoff manifest` on Slack's own pages.
        manifest = folder / "manifest.json"
        manifest.write_text(json.dumps(build(socket_mode=True)), encoding="utf-8")
        sandbox = await stack.enter_async_context(
            _process(
                "sandbox", "-m", "bot.sandbox", "--port", str(port), "--manifest", str(manifest),
                environ=own, folder=folder,
            )
        )  # fmt: skip
        slack = await _first_line("sandbox", sandbox)
        bot_environ = own | {
            "SLACK_API_URL": slack["api_url"],
            "SLACK_BOT_TOKEN": slack["bot_token"],
            "SLACK_APP_TOKEN": slack["app_token"],
            "SIGNOFF_CONFIG": str(folder / _CONFIG),
            "SIGNOFF_LISTEN": "127.0.0.1:0",
        }
        bot = await stack.enter_async_context(
            _process("bot", "-m", "bot.cli", "run", environ=bot_environ, folder=folder)
        )
        await _until_connected(slack["url"], bot, log=folder / "bot.log")
        yield Stage(url=slack["url"], folder=folder, environ=own)


@asynccontextmanager
async def _process(
    name: str, *arguments: str, environ: Mapping[str, str], folder: Path
) -> AsyncIterator[asyncio.subprocess.Process]:
    """Run `python` with *arguments*; its log goes to a file that is shown if it fails."""
    with (folder / f"{name}.log").open("wb") as log:
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            *arguments,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=log,
            env=dict(environ),
            # Ctrl-C at the terminal is for us; we end the others in our own order.
            start_new_session=True,
        )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.send_signal(signal.SIGTERM)
            try:
                async with asyncio.timeout(_PATIENCE):
                    await process.wait()
            except TimeoutError:
                process.kill()
                await process.wait()


async def _first_line(name: str, process: asyncio.subprocess.Process) -> dict[str, Any]:
    assert process.stdout is not None  # noqa: S101  (it was asked for)
    try:
        async with asyncio.timeout(_PATIENCE):
            line = await process.stdout.readline()
    except TimeoutError:
        raise StageFailed(name, "did not come up in time") from None
    if not line:
        raise StageFailed(name, "ended by itself")
    found: dict[str, Any] = json.loads(line)
    return found


async def _until_connected(url: str, bot: asyncio.subprocess.Process, *, log: Path) -> None:
    """Return when the bot has its connections to the sandbox.

    Raises:
        StageFailed: It has none in time, or it has ended; with the last that it said, since its
            log goes with the stage.
    """
    from ..sandbox.client import SandboxClient

    async with SandboxClient(url) as slack:
        connected = asyncio.ensure_future(
            slack.wait_for(lambda state: state.sockets, "the bot's connection", timeout=_PATIENCE)
        )
        ended = asyncio.ensure_future(bot.wait())
        try:
            await asyncio.wait({connected, ended}, return_when=asyncio.FIRST_COMPLETED)
            if connected.done() and connected.exception() is None:
                return
        finally:
            for task in (connected, ended):
                task.cancel()
            await asyncio.gather(connected, ended, return_exceptions=True)
    how = "did not connect" if bot.returncode is None else "ended by itself"
    raise StageFailed("bot", f"{how}: {_last_line(log)}")


def _last_line(log: Path) -> str:
    said = log.read_text(encoding="utf-8", errors="replace").strip().splitlines()
    return said[-1].removeprefix("signoff: ") if said else "it said nothing"
