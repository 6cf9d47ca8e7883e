"""A primary, its replica and three sentinels, as real processes on loopback."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.support.servers import RedisServer, server_binary
from tests.support.waiting import wait_until

MASTER = "mymaster"

_TIMES = ("info-period", "200", "ask-period", "100", "publish-period", "200")
"""In milliseconds. The usual ones make a failover take ten seconds."""

_AT_ONCE = ("--repl-diskless-sync-delay", "0")
"""A primary waits five seconds for further replicas otherwise."""


class SentinelServer(RedisServer):
    """One sentinel. It knows the others and the replica from its start."""

    def __init__(self, binary: Path, folder: Path, options: Sequence[str], *, number: int) -> None:
        super().__init__(binary, folder, options)
        self.id = f"{number:x}" * 40

    def write(self, lines: Sequence[str]) -> None:
        """Write the configuration, which a sentinel rewrites as it goes."""
        own = [
            f"port {self.port}",
            "bind 127.0.0.1",
            f"dir {self.folder}",
            f"sentinel myid {self.id}",
        ]
        (self.folder / "sentinel.conf").write_text("\n".join([*own, *lines, *self.options, ""]))

    def command(self) -> list[str]:
        """Return what starts the process."""
        return [str(self.binary), str(self.folder / "sentinel.conf"), "--sentinel"]


class Watched:
    """A primary, its replica, and the sentinels that watch them."""

    def __init__(
        self, primary: RedisServer, replica: RedisServer, sentinels: Sequence[SentinelServer]
    ) -> None:
        self.primary = primary
        self.replica = replica
        self.sentinels = tuple(sentinels)

    def url(self, options: str = "", *, login: str = "", scheme: str = "redis") -> str:
        """Return the address by which a store finds the master."""
        hosts = ",".join(f"127.0.0.1:{each.port}" for each in self.sentinels)
        return f"{scheme}+sentinel://{login}{hosts}/{MASTER}{options}"

    def master_port(self) -> int:
        """Return the port of the master that all sentinels agree on, 0 if they do not."""
        answers = {
            each.ask("SENTINEL", "GET-MASTER-ADDR-BY-NAME", MASTER) for each in self.sentinels
        }
        found = answers.pop() if len(answers) == 1 else b""
        lines = found.split(b"\r\n")
        return int(lines[4]) if len(lines) > 4 else 0

    async def until_promoted(self, server: RedisServer) -> None:
        """Wait until every sentinel names *server* and it takes writes."""
        await wait_until(
            lambda: (
                self.master_port() == server.port
                and b"role:master" in server.ask("INFO", "replication")
            ),
            f"the server on port {server.port} is the master",
        )

    async def until_in_step(self, server: RedisServer) -> None:
        """Wait until *server* is a replica that has all that the master has now."""
        other = self.primary if server is self.replica else self.replica
        written = _offset(other, "master_repl_offset")
        await wait_until(
            lambda: (
                b"master_link_status:up" in server.ask("INFO", "replication")
                and _offset(server, "slave_repl_offset") >= written
            ),
            f"the server on port {server.port} follows",
        )


@asynccontextmanager
async def watched_servers(
    binary: str = "redis", *, down_after: int = 300
) -> AsyncIterator[Watched]:
    """Run a primary, a replica and three sentinels; they are killed at the end.

    Args:
        binary: One of `BINARIES`; the last but the oldest, which takes its time.
        down_after: Milliseconds of silence after which a sentinel calls the primary down.
    """
    path = server_binary(binary)
    async with AsyncExitStack() as stack:

        def folder() -> Path:
            return Path(stack.enter_context(TemporaryDirectory(prefix="signoff-test-")))

        primary, replica = (RedisServer(path, folder(), _AT_ONCE) for _ in range(2))
        replica.options += ["--replicaof", f"127.0.0.1 {primary.port}"]
        sentinels = [SentinelServer(path, folder(), [], number=number) for number in (1, 2, 3)]
        for server in (primary, replica, *sentinels):
            stack.callback(server.end_now)
        watched = Watched(primary, replica, sentinels)
        for server in (primary, replica):
            await server.start()
        await watched.until_in_step(replica)
        for sentinel in sentinels:
            sentinel.write(_configuration(watched, but=sentinel, down_after=down_after))
            await sentinel.start()
            assert sentinel.ask("SENTINEL", "DEBUG", *_TIMES).startswith(b"+OK")
        await wait_until(
            lambda: all(
                each.ask("SENTINEL", "CKQUORUM", MASTER).startswith(b"+OK 3") for each in sentinels
            ),
            "the sentinels know each other",
        )
        yield watched


def _offset(server: RedisServer, field: str) -> int:
    lines = server.ask("INFO", "replication").decode().splitlines()
    return next(int(line.partition(":")[2]) for line in lines if line.startswith(f"{field}:"))


def _configuration(watched: Watched, *, but: SentinelServer, down_after: int) -> list[str]:
    return [
        f"sentinel monitor {MASTER} 127.0.0.1 {watched.primary.port} 2",
        f"sentinel down-after-milliseconds {MASTER} {down_after}",
        f"sentinel failover-timeout {MASTER} 3000",
        f"sentinel known-replica {MASTER} 127.0.0.1 {watched.replica.port}",
        *(
            f"sentinel known-sentinel {MASTER} 127.0.0.1 {each.port} {each.id}"
            for each in watched.sentinels
            if each is not but
        ),
    ]
