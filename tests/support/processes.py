"""Owns one process of a scenario: its start, its end, what it says; and what bots and agents can.

What a process writes goes to files, so that no event loop is needed to keep it going.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, Final, Self

from tests.support.waiting import wait_now, wait_until

__all__ = ["ROOT", "Agent", "Bot", "Finished", "Process", "Said"]

ROOT: Final = Path(__file__).parents[2]
_UP: Final = 15.0
"""Seconds that a process may take to come up on a busy machine."""

Said = dict[str, Any]


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
                cwd=ROOT,
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

        def look() -> Any:
            # Asked first: what it said before it ended must count.
            over = self.returncode is not None
            result = found()
            assert result or not over, f"{self.name} ended"
            return result

        try:
            return wait_now(look, description, timeout=_UP)
        except AssertionError as error:
            raise AssertionError(f"{error}\n{self.printed()}") from None

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
