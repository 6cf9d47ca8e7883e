"""Owns the scenarios' house: server, sandbox, bots, agents, started as an operator would.

Everything here is a process of the operating system. A house starts and ends outside of any event
loop, so that a module's tests can share one.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
import tempfile
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Final, TypeVar
from uuid import uuid4

from bot.keyring import open_keyring
from bot.sandbox import SandboxClient, State
from tests.support.emitted import EMITTED
from tests.support.processes import ROOT, Agent, Bot, Finished, Process, Said
from tests.support.servers import RedisServer, running_server

__all__ = [
    "CHANNEL",
    "ROUTES",
    "Agent",
    "Bot",
    "Finished",
    "House",
    "Process",
    "house_on",
    "running_house",
]

CHANNEL: Final = "C0APPROVALS"
ROUTES: Final = f"""\
[[routes]]
agent = "billing"
channel = "{CHANNEL}"
approvers = ["U0ANA", "U0BEN", "S0SECURITY"]
"""
"""Ana, Ben, or somebody of the security group (Cho); Dan is a member who may not."""

_MARK: Final = "TEST_HOUSE_MARK"
_REDIS_URL: Final = "SIGNOFF_REDIS_URL"
_KEYS: Final = "SIGNOFF_KEYS"
_PUBLIC_KEYS: Final = "SIGNOFF_PUBLIC_KEYS"

P = TypeVar("P", bound=Process)


class People(SandboxClient):
    """A driver whose snapshots leave the traffic log out by default: it grows with every test."""

    async def state(
        self, *, since: int | None = None, timeout: float = 5.0, log: bool = False
    ) -> State:
        """See `SandboxClient.state`."""
        return await super().state(since=since, timeout=timeout, log=log)


class House:
    """What is up: one server, one sandbox, any number of bots and agents.

    Attributes:
        redis: The server; of several, one.
        redis_url: The address that all processes get.
        marks: Where agents leave their side effects.
        environ: What every process of the operator's gets, the private keys among it.
        public_keys: What agents get of these keys, as one setting.
        processes: Everything that was started, ended ones included.
    """

    def __init__(self, folder: Path, redis: RedisServer, *, redis_url: str | None = None) -> None:
        self.folder = folder
        self.redis = redis
        self.redis_url = redis_url or redis.url
        self.marks = folder / "marks"
        self.marks.mkdir()
        self.processes: list[Process] = []
        self.bots: list[Bot] = []
        self._mark = uuid4().hex
        keys = folder / "keys"
        keys.mkdir(mode=0o700)
        listed = open_keyring(keys, create=True).public_keys.read_text(encoding="utf-8")
        self.public_keys = ",".join(listed.split())
        own = {k: v for k, v in os.environ.items() if not k.startswith(("SLACK_", "SIGNOFF_"))}
        self.environ = own | {
            _MARK: self._mark,
            _REDIS_URL: self.redis_url,
            _KEYS: str(keys),
            "SIGNOFF_HOME": str(folder / "home"),
        }
        self.slack_wire: Said = {}
        self._noted = 0

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
        return People(self.url)

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
        options: Mapping[str, float] | None = None,
        transport: str = "socket",
        routes: str = ROUTES,
        **changes: str | None,
    ) -> Bot:
        """Start a bot, and return before it is up.

        Args:
            quick: With a lease of a second and timers of a tenth, and one connection to Slack;
                otherwise it is `signoff run`.
            options: Of a quick one: those of `tests.support.agents.bot`.
            transport: `socket` or `http`.
            routes: Its TOML file.
            changes: Further variables; `None` leaves one out.
        """
        module = "tests.support.agents.bot" if quick else "bot.cli"
        arguments = ("-m", module) if quick else ("-m", module, "run")
        for name, value in (options or {}).items():
            arguments = (*arguments, f"--{name}", str(value))
        bot = self._run(
            Bot,
            f"bot-{len(self.bots) + 1}",
            *arguments,
            environ=self.bot_environ(transport=transport, routes=routes, **changes),
        )
        self.bots.append(bot)
        return bot

    def start_agent(
        self,
        agent: str = "billing",
        *,
        redis_url: str | None = None,
        public_keys: str | None = None,
        **options: float,
    ) -> Agent:
        """Start an agent process, which verifies every decision.

        Args:
            agent: Its name.
            redis_url: Another way to the store.
            public_keys: In place of the house's.
            options: Those of `tests.support.agents.agent`.
        """
        environ = {name: value for name, value in self.environ.items() if name != _KEYS} | {
            _REDIS_URL: redis_url or self.redis_url,
            _PUBLIC_KEYS: public_keys or self.public_keys,
        }
        more = [part for name, value in options.items() for part in (f"--{name}", str(value))]
        count = sum(isinstance(process, Agent) for process in self.processes)
        arguments = ("--agent", agent, "--marks", str(self.marks), *more)
        return self._run(
            Agent,
            f"agent-{count + 1}",
            "-m",
            "tests.support.agents.agent",
            *arguments,
            environ=environ,
            talk=True,
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
            cwd=ROOT, env=environ, stdin=asyncio.subprocess.DEVNULL,
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

    @property
    def agent(self) -> Agent:
        """The agent that was there from the beginning."""
        return next(process for process in self.processes if isinstance(process, Agent))

    def note_emitted(self) -> None:
        """Note in `EMITTED` what the sandbox got since the last time.

        The sandbox remembers its last thousand calls; of a longer test the first ones are lost.
        """
        if not any(p.name == "sandbox" and p.returncode is None for p in self.processes):
            return
        address = f"{self.url}/sandbox/log?after={self._noted}"
        with urllib.request.urlopen(address, timeout=10) as answer:
            log = json.load(answer)
        EMITTED.log(log["requests"], log["deliveries"])
        records = [*log["requests"], *log["deliveries"]]
        # An answer that is still to come is looked for again.
        waited = [record["id"] - 1 for record in log["deliveries"] if not record["done"]]
        self._noted = min([max((r["id"] for r in records), default=self._noted), *waited])

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
        self.note_emitted()
        order = (Agent, Bot, Process)
        living = [p for p in self.processes if p.returncode is None]
        for process in sorted(living, key=lambda p: order.index(type(p))):
            if isinstance(process, Agent):
                process.kill()  # it may wait for an answer for ever
            else:
                process.stop_now()
        for process in self.processes:
            process._close_input()
        for process in self.processes:
            assert "gate.level_zero" not in process.printed(), f"{process.name} verifies nothing"
        for bot in self.bots:
            assert bot.killed or bot.returncode in (0, 2), f"{bot.name} failed\n{bot.printed()}"
            assert "Traceback" not in bot.printed(), f"{bot.name} raised\n{bot.printed()}"
        assert self.alive() == [], "nothing is left"
        wrong = EMITTED.take()
        assert wrong == [], wrong

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
    binary: str = "valkey",
) -> Iterator[House]:
    """Run a house with *bots* that serve and an agent that waits for jobs.

    See `House.start_bot` for the other arguments.
    """
    with (
        running_server(binary, appendonly=appendonly) as redis,
        house_on(redis, bots=bots, quick=quick, transport=transport, routes=routes) as house,
    ):
        yield house


@contextmanager
def house_on(
    redis: RedisServer,
    *,
    redis_url: str | None = None,
    bots: int = 1,
    quick: bool = False,
    transport: str = "socket",
    routes: str = ROUTES,
) -> Iterator[House]:
    """Run a house on servers that are there, which *redis_url* may name; see `running_house`."""
    with tempfile.TemporaryDirectory(prefix="signoff-house-") as folder:
        house = House(Path(folder), redis, redis_url=redis_url)
        open_houses.append(house)
        try:
            house.start_agent()
            house.open()
            started = [
                house.start_bot(quick=quick, transport=transport, routes=routes)
                for _ in range(bots)
            ]
            for bot in started:
                bot.await_now(partial(bot.logged, "bot.up"), "bot.up")
            if transport == "http" and started:
                house.send_clicks_to(started[0])
            yield house
        finally:
            open_houses.remove(house)
            house.close()
