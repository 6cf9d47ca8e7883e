"""A cluster of three nodes, as real processes on loopback, with the slots shared out evenly."""

from __future__ import annotations

import binascii
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.support.servers import RedisServer, free_port, server_binary
from tests.support.waiting import wait_now

_SLOTS = 16384


class ClusterNode(RedisServer):
    """One node; it takes part under the id that it makes itself."""

    def __init__(self, binary: Path, folder: Path, options: Sequence[str] = ()) -> None:
        super().__init__(binary, folder, options)
        self.bus = free_port()
        self.options += [
            "--cluster-enabled", "yes", "--cluster-config-file", "nodes.conf",
            "--cluster-node-timeout", "1000", "--cluster-port", str(self.bus),
            "--cluster-allow-replica-migration", "no", "--repl-diskless-sync-delay", "0",
        ]  # fmt: skip

    @property
    def id(self) -> str:
        """What the nodes call it."""
        return self.ask("CLUSTER", "MYID").split(b"\r\n")[1].decode()

    def do(self, *command: str) -> bytes:
        """Send a command that has to be taken, and return the raw answer."""
        answer = self.ask(*command)
        assert answer, command
        assert not answer.startswith(b"-"), (command, answer)
        return answer

    def info(self, field: str) -> str:
        """Return a line of CLUSTER INFO."""
        lines = self.ask("CLUSTER", "INFO").decode().splitlines()
        return next((line.partition(":")[2] for line in lines if line.startswith(field)), "")


class RedisCluster:
    """The masters of the start, their replicas, and who has which slot."""

    def __init__(self, nodes: Sequence[ClusterNode], replicas: Sequence[ClusterNode] = ()) -> None:
        self.nodes = tuple(nodes)
        self.replicas = tuple(replicas)

    def in_step(self) -> bool:
        """Say whether the first replicas have all that their masters have."""
        return all(
            _offset(replica, "slave_repl_offset") >= _offset(master, "master_repl_offset")
            for master, replica in zip(self.nodes, self.replicas, strict=False)
        )

    def url(self, *, buckets: int | None = 4) -> str:
        """Return the address by which a store finds the cluster."""
        hosts = ",".join(f"127.0.0.1:{node.port}" for node in self.nodes)
        return f"redis+cluster://{hosts}" + (f"?buckets={buckets}" if buckets else "")

    def owner(self, slot: int) -> ClusterNode:
        """Return the node that serves *slot*, by its own word."""
        for node in self.nodes:
            if b"-MOVED" not in node.ask("CLUSTER", "COUNTKEYSINSLOT", str(slot)) and slot in _own(
                node
            ):
                return node
        raise AssertionError(f"nobody has slot {slot}")

    def empty(self) -> None:
        """Take all data away; who has which slot stays."""
        for node in self.nodes:
            if not node.ask("FLUSHALL").startswith(b"-READONLY"):
                node.do("SCRIPT", "FLUSH")

    def begin_move(self, slot: int, source: ClusterNode, target: ClusterNode) -> None:
        """Let *target* import the slot and *source* give it away; no key moves yet."""
        target.do("CLUSTER", "SETSLOT", str(slot), "IMPORTING", source.id)
        source.do("CLUSTER", "SETSLOT", str(slot), "MIGRATING", target.id)

    def move_keys(self, slot: int, source: ClusterNode, target: ClusterNode, *, most: int) -> int:
        """Move up to *most* keys of the slot; return how many there were to move."""
        answer = source.do("CLUSTER", "GETKEYSINSLOT", str(slot), str(most))
        names = [line.decode() for line in answer.split(b"\r\n")[2::2] if line]
        if names:
            source.do("MIGRATE", "127.0.0.1", str(target.port), "", "0", "5000", "KEYS", *names)
        return len(names)

    def end_move(self, slot: int, source: ClusterNode, target: ClusterNode) -> None:
        """Say everywhere that *target* has the slot now."""
        for node in (target, source, *(n for n in self.nodes if n not in (target, source))):
            node.do("CLUSTER", "SETSLOT", str(slot), "NODE", target.id)


def slot_of(tag: str) -> int:
    """Return the slot of all keys with this hash tag."""
    return binascii.crc_hqx(tag.encode(), 0) % _SLOTS


@contextmanager
def running_cluster(binary: str = "redis", *, replicas: int = 0) -> Iterator[RedisCluster]:
    """Run three masters, with a third of the slots each; they are killed at the end.

    Args:
        binary: One of `BINARIES`, but the oldest.
        replicas: How many of the masters have one.
    """
    path = server_binary(binary)
    with ExitStack() as stack:
        every = []
        for _ in range(3 + replicas):
            folder = stack.enter_context(TemporaryDirectory(prefix="signoff-test-"))
            node = ClusterNode(path, Path(folder))
            stack.callback(node.end_now)
            node.spawn()
            every.append(node)
        wait_now(lambda: all(node.answers() for node in every), "the nodes answer")
        nodes = every[:3]
        for number, node in enumerate(nodes):
            first, last = (_SLOTS * each // 3 for each in (number, number + 1))
            node.do("CLUSTER", "SET-CONFIG-EPOCH", str(number + 1))
            node.do("CLUSTER", "ADDSLOTSRANGE", str(first), str(last - 1))
        for node in every[1:]:
            nodes[0].do("CLUSTER", "MEET", "127.0.0.1", str(node.port), str(node.bus))
        wait_now(lambda: all(_agrees(node) for node in every), "the nodes agree")
        for master, replica in zip(nodes, every[3:], strict=False):
            replica.do("CLUSTER", "REPLICATE", master.id)
            wait_now(lambda: _linked(replica), "the replica follows")  # noqa: B023  (called at once)
        yield RedisCluster(nodes, every[3:])


def _linked(replica: ClusterNode) -> bool:
    return b"master_link_status:up" in replica.ask("INFO", "replication")


def _offset(node: ClusterNode, field: str) -> int:
    lines = node.ask("INFO", "replication").decode().splitlines()
    return next(int(line.partition(":")[2]) for line in lines if line.startswith(f"{field}:"))


def _agrees(node: ClusterNode) -> bool:
    return (node.info("cluster_state"), node.info("cluster_slots_ok")) == ("ok", str(_SLOTS))


def _own(node: ClusterNode) -> set[int]:
    lines = node.ask("CLUSTER", "NODES").decode().splitlines()
    mine = next(line.split() for line in lines if "myself" in line)
    found: set[int] = set()
    for part in mine[8:]:
        if not part.startswith("["):
            first, _, last = part.partition("-")
            found |= set(range(int(first), int(last or first) + 1))
    return found
