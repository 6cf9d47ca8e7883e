"""A loopback TCP proxy: it cuts, swallows, spoils, thins out or keeps back what passes."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

PUBLISHED = re.compile(
    rb"[*>]3\r\n\$\d\r\ns?message\r\n\$\d+\r\n[^\r]*\r\n\$\d+\r\n.*?\r\n", re.DOTALL
)
"""A published message as a subscriber gets it, in either protocol."""


class Proxy:
    """Stands between a client and one server. Changes apply to what passes from then on."""

    def __init__(self, target_port: int) -> None:
        self._target_port = target_port
        self._server: asyncio.Server | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self.port = 0
        self.swallow = False
        """Whether answers disappear: a server that accepts and never answers."""
        self.cut_next_answer = False
        """Whether the next answer ends its connection instead of arriving: the command ran."""
        self.spoil_next_answer = False
        """Whether the next answer is replaced by something that is no answer."""
        self.drop: re.Pattern[bytes] | None = None
        """What is cut out of answers."""
        self.dropped = 0
        """How often something was cut out."""
        self.requests_pass = asyncio.Event()
        """Cleared: what clients send waits here."""
        self.requests_pass.set()
        self.answers_pass = asyncio.Event()
        """Cleared: what the server answers waits here."""
        self.answers_pass.set()
        self.keep_request: re.Pattern[bytes] | None = None
        """What never reaches the server, and all that its client sends after it."""
        self.keep_answer_to: re.Pattern[bytes] | None = None
        """What reaches the server, and is never answered, nor anything that its client sends."""
        self.kept = 0
        """Requests that were kept, or whose answers were."""
        self.requests = 0
        """Pieces of requests that clients sent."""
        self.answers = 0
        """Pieces of answers that the server gave."""
        self.connections = 0
        """Connections that were ever made."""

    @property
    def url(self) -> str:
        """The address of the server behind the proxy."""
        return f"redis://127.0.0.1:{self.port}/0"

    async def start(self) -> None:
        """Listen, on the same port each time."""
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", self.port)
        self.port = self._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        """Refuse new connections and cut the old ones."""
        if self._server is not None:
            server, self._server = self._server, None
            server.close()
            await server.wait_closed()
            # A connection that was just accepted gets its task some turns of the loop later.
            for _ in range(5):
                await self.cut()
                await asyncio.sleep(0)

    async def redirect(self, target_port: int) -> None:
        """Lead to another server from now on, as a failover does; old connections are cut."""
        self._target_port = target_port
        await self.cut()

    async def cut(self) -> None:
        """Cut every connection."""
        tasks = set(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        task = asyncio.create_task(self._serve(reader, writer))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        # A task that is cut before its first step has closed nothing.
        task.add_done_callback(lambda _: writer.transport.abort())

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        ways: list[asyncio.Task[None]] = []
        out: asyncio.StreamWriter | None = None
        try:
            there, out = await asyncio.open_connection("127.0.0.1", self._target_port)
            answered = asyncio.Event()
            answered.set()
            ways = [
                asyncio.create_task(self._forward(reader, out, answered)),
                asyncio.create_task(self._answer(there, writer, answered)),
            ]
            await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
        except OSError:
            return
        finally:
            for each in (writer, out):
                if each is not None:
                    each.transport.abort()
            for way in ways:
                way.cancel()
            await asyncio.gather(*ways, return_exceptions=True)

    async def _forward(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, answered: asyncio.Event
    ) -> None:
        while data := await reader.read(65536):
            self.requests += 1
            await self.requests_pass.wait()
            if self.keep_request is not None and self.keep_request.search(data):
                self.kept += 1
                await asyncio.Event().wait()  # until the connection is cut
            if self.keep_answer_to is not None and self.keep_answer_to.search(data):
                self.kept += 1
                answered.clear()
            writer.write(data)
            await writer.drain()

    async def _answer(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, answered: asyncio.Event
    ) -> None:
        while data := await reader.read(65536):
            self.answers += 1
            await self.answers_pass.wait()
            await answered.wait()
            if self.swallow:
                continue
            if self.cut_next_answer:
                self.cut_next_answer = False
                return
            if self.spoil_next_answer:
                self.spoil_next_answer = False
                data = b"HTTP/1.1 200 OK\r\n\r\n"
            if self.drop is not None:
                data, count = self.drop.subn(b"", data)
                self.dropped += count
            writer.write(data)
            await writer.drain()


@asynccontextmanager
async def proxy_to(port: int) -> AsyncIterator[Proxy]:
    """Run a proxy in front of the server on *port*."""
    proxy = Proxy(port)
    await proxy.start()
    try:
        yield proxy
    finally:
        await proxy.stop()
