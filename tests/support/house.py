"""Owns the scenarios' processes: server, sandbox, bots, agents, started as an operator would.

Everything here is a process of the operating system. A house starts and ends outside of any event
loop, so that a module's tests can share one; what its processes say is read from their files.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, Final, Self, TypeVar
from uuid import uuid4

from bot.sandbox.client import SandboxClient
from tests.support.servers import RedisServer, running_server
from tests.support.waiting import wait_until

__all__ = ["CHANNEL", "ROUTES", "Agent", "Bot", "Finished", "House", "Process", "running_house"]

CHANNEL: Final = "C0APPROVALS"
ROUTES: Final = f"""\
[[routes]]
agent = "billing"
channel = "{CHANNEL}"
approvers = ["U0ANA", "U0BEN", "S0SECURITY"]
"""
"""Ana, Ben, or somebody of the security group (Cho); Dan is a member who may not."""

_ROOT: Final = Path(__file__).parents[2]
_MARK: Final = "TEST_HOUSE_MARK"
_UP: Final = 15.0
"""Seconds that a process may take to come up on a busy machine."""

Said = dict[str, Any]
P = TypeVar("P", bound="Process")


@dataclass(frozen=True)
class Finished:
    """A command that has ended."""

    code: int
    out: str
    err: str


class Process:
    """A running Python process whose output goes to files.

    Args:
        name: Of its files.
        arguments: After the interpreter.
        environ: Its whole environment.
        folder: Where the files are.
        talk: Whether it is told things on its standard input.
    """

    def __init__(
        self,
        name: str,
        *arguments: str,
        environ: Mapping[str, str],
        folder: Path,
        talk: bool = False,
    ) -> None:
        self.name = name
        self._out, self._err = folder / f"{name}.out", folder / f"{name}.err"
        with self._out.open("wb") as out, self._err.open("wb") as err:
            self._process = subprocess.Popen(
                [sys.executable, *arguments],
                cwd=_ROOT,
                env=dict(environ),
                stdin=subprocess.PIPE if talk else subprocess.DEVNULL,
                stdout=out,
                stderr=err,
                start_new_session=True,
            )
        self.killed = False
        """Whether it was ended without a chance to clean up."""

    @property
    def pid(self) -> int:
        """Its process id."""
        return self._process.pid

    @property
    def returncode(self) -> int | None:
        """How it ended, or `None` while it lives."""
        return self._process.poll()

    def said(self) -> list[Said]:
        """Return the JSON lines on its standard output so far."""
        return _lines(self._out)

    def logged(self, event: str | None = None) -> list[Said]:
        """Return the JSON lines of its log so far, or those of one *event*."""
        return [line for line in _lines(self._err) if event in (None, line.get("event"))]

    def printed(self) -> str:
        """Return everything that it has written to its output and its log."""
        return self._out.read_text("utf-8", "replace") + self._err.read_text("utf-8", "replace")

    def complaints(self) -> str:
        """Return its log alone: its standard error."""
        return self._err.read_text("utf-8", "replace")

    async def says(
        self, wanted: Callable[[Said], object], description: str, timeout: float = _UP
    ) -> Said:
        """Return the first line on its standard output that is *wanted*, waiting for it."""
        return await self._find(self.said, wanted, description, timeout)

    async def logs(self, event: str, timeout: float = _UP, *, after: int = 0) -> Said:
        """Return the log's first line of *event* behind *after* earlier ones, waiting for it."""
        return await self._find(
            lambda: self.logged(event)[after:], lambda _: True, f"the log line {event}", timeout
        )

    async def ended(self, timeout: float = _UP) -> int:
        """Wait for its end and return how it ended."""
        await wait_until(
            lambda: self.returncode is not None, f"the end of {self.name}", timeout=timeout
        )
        assert self.returncode is not None
        return self.returncode

    def kill(self) -> None:
        """End it as a power cut would, and see it gone."""
        self.killed = True
        self._process.kill()
        self._process.wait(timeout=10)
        self._close_input()

    def freeze(self) -> None:
        """Stop it without ending it."""
        os.kill(self.pid, signal.SIGSTOP)

    def thaw(self) -> None:
        """Let it go on."""
        os.kill(self.pid, signal.SIGCONT)

    async def stop(self) -> int:
        """End it in order and return how it ended."""
        self._process.send_signal(signal.SIGTERM)
        code = await self.ended()
        self._close_input()
        return code

    def stop_now(self) -> None:
        """End it in order, outside of an event loop."""
        if self.returncode is None:
            self._process.send_signal(signal.SIGCONT)
            self._process.send_signal(signal.SIGTERM)
            try:
                self._process.wait(timeout=_UP)
            except subprocess.TimeoutExpired:
                self.kill()
                raise AssertionError(f"{self.name} did not stop\n{self.printed()}") from None
        self._close_input()

    def await_now(self, found: Callable[[], Any], description: str) -> Any:
        """Return what *found* finds, waiting for it outside of an event loop."""
        end = time.monotonic() + _UP
        while not (result := found()):
            assert self.returncode is None, f"{self.name} ended\n{self.printed()}"
            assert time.monotonic() < end, f"in vain for {description}\n{self.printed()}"
            time.sleep(0.005)
        return result

    async def _find(
        self,
        lines: Callable[[], list[Said]],
        wanted: Callable[[Said], object],
        description: str,
        timeout: float,
    ) -> Said:
        found: list[Said] = []

        def look() -> bool:
            # Asked first: what it said before it ended must count.
            over = self.returncode is not None
            found[:] = [line for line in lines() if wanted(line)]
            return bool(found) or over

        await wait_until(look, f"{description} from {self.name}", timeout=timeout)
        assert found, f"{self.name} ended without {description}\n{self.printed()}"
        return found[0]

    def _close_input(self) -> None:
        if self._process.stdin is not None:
            try:
                self._process.stdin.close()
            except BrokenPipeError:
                return

    @property
    def _input(self) -> IO[bytes]:
        assert self._process.stdin is not None, "it takes no input"
        return self._process.stdin


class Bot(Process):
    """A bot process."""

    async def up(self) -> Self:
        """Wait until it serves."""
        await self.logs("bot.up")
        return self

    @property
    def port(self) -> int:
        """The port of its web application."""
        return int(self.logged("bot.up")[0]["port"])

    @property
    def address(self) -> str:
        """Where Slack's signed requests go."""
        return f"http://127.0.0.1:{self.port}/slack/events"


class Agent(Process):
    """An agent process; see `tests.support.agents.agent` for its jobs."""

    def ask(self, name: str, payload: Any = None, *, job: str | None = None, **more: Any) -> str:
        """Give it a job, and return the job's name: the action's where no other is given."""
        self._tell(do="run", job=job or name, name=name, payload=payload, **more)
        return job or name

    def go(self, job: str) -> None:
        """Let a job that holds go on to consume."""
        self._tell(do="go", job=job)

    def cancel(self, job: str, approval_id: str, *, reason: str | None = None) -> None:
        """Let it withdraw what it asked."""
        self._tell(do="cancel", job=job, id=approval_id, reason=reason)

    async def tells(self, job: str, *events: str, timeout: float = _UP) -> Said:
        """Return the first line about *job* that is one of *events*."""
        return await self.says(
            lambda line: line.get("job") == job and line["event"] in events,
            f"{' or '.join(events)} of {job}",
            timeout,
        )

    def heard(self, job: str) -> list[str]:
        """Return the events told about *job* so far."""
        return [line["event"] for line in self.said() if line.get("job") == job]

    def _tell(self, **line: Any) -> None:
        self._input.write(json.dumps(line).encode() + b"\n")
        self._input.flush()


class House:
    """What is up: one server, one sandbox, any number of bots and agents.

    Attributes:
        redis: The server.
        marks: Where agents leave their side effects.
        processes: Everything that was started, ended ones included.
    """

    def __init__(self, folder: Path, redis: RedisServer) -> None:
        self.folder = folder
        self.redis = redis
        self.marks = folder / "marks"
        self.marks.mkdir()
        self.processes: list[Process] = []
        self.bots: list[Bot] = []
        self._mark = uuid4().hex
        own = {k: v for k, v in os.environ.items() if not k.startswith(("SLACK_", "SIGNOFF_"))}
        self.environ = own | {
            _MARK: self._mark,
            "SIGNOFF_REDIS_URL": redis.url,
            "SIGNOFF_HOME": str(folder / "home"),
        }
        self.slack_wire: Said = {}

    def open(self) -> None:
        """Start the sandbox."""
        sandbox = self._run(Process, "sandbox", "-m", "bot.sandbox")
        self.slack_wire = sandbox.await_now(sandbox.said, "its address")[0]

    @property
    def url(self) -> str:
        """The sandbox's address."""
        return str(self.slack_wire["url"])

    def slack(self) -> SandboxClient:
        """Return a driver of the sandbox for one event loop."""
        return SandboxClient(self.url)

    def bot_environ(
        self, *, transport: str = "socket", routes: str = ROUTES, **changes: str | None
    ) -> dict[str, str]:
        """Return a bot's environment; *changes* are variables, `None` leaves one out."""
        file = self.folder / f"{uuid4().hex}.toml"
        file.write_text(routes, encoding="utf-8")
        slack = self.slack_wire
        way = {"socket": "SLACK_APP_TOKEN", "http": "SLACK_SIGNING_SECRET"}[transport]
        environ: dict[str, str | None] = {
            **self.environ,
            "SLACK_API_URL": slack["api_url"],
            "SLACK_BOT_TOKEN": slack["bot_token"],
            way: slack["app_token" if transport == "socket" else "signing_secret"],
            "SIGNOFF_CONFIG": str(file),
            "SIGNOFF_LISTEN": "127.0.0.1:0",
            "SIGNOFF_LOG_FORMAT": "json",
            **changes,
        }
        return {name: value for name, value in environ.items() if value is not None}

    def start_bot(
        self,
        *,
        quick: bool = False,
        transport: str = "socket",
        routes: str = ROUTES,
        **changes: str | None,
    ) -> Bot:
        """Start a bot, and return before it is up.

        Args:
            quick: With a lease of a second and timers of a tenth, and one connection to Slack;
                otherwise it is `signoff run`.
            transport: `socket` or `http`.
            routes: Its TOML file.
            changes: Further variables; `None` leaves one out.
        """
        module = "tests.support.agents.bot" if quick else "bot.cli"
        arguments = ("-m", module) if quick else ("-m", module, "run")
        bot = self._run(
            Bot,
            f"bot-{len(self.bots) + 1}",
            *arguments,
            environ=self.bot_environ(transport=transport, routes=routes, **changes),
        )
        self.bots.append(bot)
        return bot

    def start_agent(self, agent: str = "billing", **options: float) -> Agent:
        """Start an agent process; *options* are those of `tests.support.agents.agent`."""
        more = [part for name, value in options.items() for part in (f"--{name}", str(value))]
        count = sum(isinstance(process, Agent) for process in self.processes)
        arguments = ("--agent", agent, "--marks", str(self.marks), *more)
        return self._run(
            Agent, f"agent-{count + 1}", "-m", "tests.support.agents.agent", *arguments, talk=True
        )

    def start(self, name: str, *arguments: str, **changes: str | None) -> Process:
        """Start any other Python process; *changes* are variables, `None` leaves one out."""
        environ = {k: v for k, v in (self.environ | changes).items() if v is not None}
        return self._run(Process, name, *arguments, environ=environ)

    async def command(self, *arguments: str, **changes: str | None) -> Finished:
        """Run `signoff` with *arguments* to its end."""
        environ = {k: v for k, v in (self.environ | changes).items() if v is not None}
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "bot.cli", *arguments,
            cwd=_ROOT, env=environ, stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
        )  # fmt: skip
        try:
            async with asyncio.timeout(30):
                out, err = await process.communicate()
        except BaseException:
            process.kill()
            await process.wait()
            raise
        assert process.returncode is not None
        return Finished(process.returncode, out.decode(), err.decode())

    def runs(self, approval_id: str) -> int:
        """Return how many times the action of an approval ran."""
        mark = self.marks / approval_id
        return len(mark.read_text("utf-8").splitlines()) if mark.exists() else 0

    def send_clicks_to(self, bot: Bot) -> None:
        """Let the sandbox deliver to *bot* over HTTP."""
        body = json.dumps({"request_url": bot.address}).encode()
        request = urllib.request.Request(f"{self.url}/sandbox/workspace", data=body, method="POST")
        with urllib.request.urlopen(request, timeout=10) as answer:
            assert json.load(answer)["ok"], "the sandbox takes the address"

    def logs(self) -> dict[str, str]:
        """Return the last of what each process has written, for the report of a failure."""
        return {process.name: process.printed()[-6000:] for process in self.processes}

    def alive(self) -> list[str]:
        """Return every living process of this house and of its processes, by its command."""
        found = [p.name for p in self.processes if p.returncode is None]
        for entry in Path("/proc").glob("[0-9]*"):
            try:
                if f"{_MARK}={self._mark}".encode() in (entry / "environ").read_bytes():
                    found.append((entry / "cmdline").read_text().replace("\0", " "))
            except OSError:
                continue  # it ended just now, or is another user's
        return found

    def close(self) -> None:
        """End everything, in order, and see that bots ended well and nothing is left."""
        order = (Agent, Bot, Process)
        living = [p for p in self.processes if p.returncode is None]
        for process in sorted(living, key=lambda p: order.index(type(p))):
            if isinstance(process, Agent):
                process.kill()  # it may wait for an answer for ever
            else:
                process.stop_now()
        for process in self.processes:
            process._close_input()
        for bot in self.bots:
            assert bot.killed or bot.returncode in (0, 2), f"{bot.name} failed\n{bot.printed()}"
            assert "Traceback" not in bot.printed(), f"{bot.name} raised\n{bot.printed()}"
        assert self.alive() == [], "nothing is left"

    def _run(
        self,
        kind: type[P],
        name: str,
        *arguments: str,
        environ: Mapping[str, str] | None = None,
        talk: bool = False,
    ) -> P:
        process = kind(
            name, *arguments, environ=environ or self.environ, folder=self.folder, talk=talk
        )
        self.processes.append(process)
        return process


open_houses: list[House] = []
"""For the report of a failure."""


@contextmanager
def running_house(
    *,
    bots: int = 1,
    quick: bool = False,
    transport: str = "socket",
    routes: str = ROUTES,
    appendonly: bool = False,
    binary: str = "redis",
) -> Iterator[House]:
    """Run a house with *bots* that serve; see `House.start_bot` for the other arguments."""
    with (
        tempfile.TemporaryDirectory(prefix="signoff-house-") as folder,
        running_server(binary, appendonly=appendonly) as redis,
    ):
        house = House(Path(folder), redis)
        open_houses.append(house)
        try:
            house.open()
            started = [
                house.start_bot(quick=quick, transport=transport, routes=routes)
                for _ in range(bots)
            ]
            for bot in started:
                bot.await_now(lambda bot=bot: bot.logged("bot.up"), "bot.up")
            if transport == "http" and started:
                house.send_clicks_to(started[0])
            yield house
        finally:
            open_houses.remove(house)
            house.close()


def _lines(file: Path) -> list[Said]:
    """Return the whole lines of a file that are JSON objects."""
    found = []
    for line in file.read_text("utf-8", "replace").split("\n")[:-1]:
        try:
            value = json.loads(line)
        except ValueError:
            continue
        if isinstance(value, dict):
            found.append(value)
    return found
