"""Owns one connection to Redis. Only this module and those that read addresses touch redis-py.

redis-py finds the server and logs in: TLS, Sentinel, unix sockets and credential providers come
from there. Then the connection is ours. redis-py repeats, reconnects and checks by itself, and a
write that was sent twice is a wrong answer; here a command is sent once, and its answer is the next
one that nobody has had.
"""

from __future__ import annotations

import asyncio
import os
import re
import select
from collections import deque
from collections.abc import Callable
from typing import Any, Final, cast
from urllib.parse import urlsplit

from redis import exceptions as errors
from redis.asyncio import Redis
from redis.asyncio.connection import Connection, parse_url
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff

from gate import ConfigError

from .resp import AnswerReader, ServerError, Unreadable

__all__ = ["Late", "Lost", "Wire", "maker", "wires_of_client", "wires_of_url"]

_WORDS: Final[tuple[tuple[type[Exception], str], ...]] = (
    (errors.NoScriptError, "NOSCRIPT"),
    (errors.OutOfMemoryError, "OOM"),
    (errors.ReadOnlyError, "READONLY"),
    (errors.BusyLoadingError, "LOADING"),
    (errors.NoPermissionError, "NOPERM"),
    (errors.MasterDownError, "MASTERDOWN"),
    (errors.ClusterDownError, "CLUSTERDOWN"),
    (errors.MovedError, "MOVED"),
    (errors.AskError, "ASK"),
    (errors.TryAgainError, "TRYAGAIN"),
    (errors.ClusterCrossSlotError, "CROSSSLOT"),
)
_DATABASE: Final = re.compile(r"(?:/\d*)?")
_POOL_ONLY: Final = frozenset({"max_connections", "timeout", "retry_on_error"})


class Lost(Exception):
    """The connection is gone or out of step; `cause` is a short reason without any argument."""

    def __init__(self, cause: str) -> None:
        super().__init__(cause)
        self.cause = cause


class Late(Lost):
    """There was no answer in time."""

    def __init__(self) -> None:
        super().__init__("no answer in time")


class _Owed:
    """Answers that are to come, and for whom."""

    __slots__ = ("answers", "count", "end", "future")

    def __init__(self, future: asyncio.Future[list[Any]], count: int, end: float) -> None:
        self.future = future
        self.count = count
        self.end = end
        self.answers: list[Any] = []


class Wire(asyncio.Protocol):
    """One connection, for one caller or for any number at once.

    Answers come in the order of the commands. A caller that goes away leaves its place in that
    order, so that nobody gets its answer.
    """

    def __init__(self, connection: Any) -> None:
        self._connection = connection
        self._writer: asyncio.StreamWriter | None = None
        self._transport: asyncio.WriteTransport | None = None
        self._poller = select.poll()
        self._reader = AnswerReader()
        self._owed: deque[_Owed] = deque()
        self._gathered: list[bytes] | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._retired = False
        self.hear: Callable[[Any], None] | None = None
        """Takes what the server says unasked, on a connection that listens and asks nothing."""
        self.ended: asyncio.Future[Lost] = asyncio.get_running_loop().create_future()
        """Why the connection ended, as soon as it has."""

    async def connect(self) -> None:
        """Connect and log in.

        Raises:
            Lost: No connection.
            ServerError: The server refused the login.
        """
        connection: Any = self._connection
        before = _cancellations()
        try:
            try:
                await connection.connect()
            finally:
                # What redis-py meets while it cleans up can take the place of a cancellation.
                if _cancellations() > before:
                    raise asyncio.CancelledError
        except errors.RedisError as error:
            # On unix sockets redis-py wraps the refusal of a login in an error of its own.
            word = _word(error) or _word(error.__cause__)
            if word is not None:
                raise ServerError(word) from None
            raise Lost(f"cannot connect ({_os_cause(error)})") from None
        except Exception as error:  # noqa: BLE001  (a credential provider is the user's own code)
            raise Lost(f"cannot connect ({_os_cause(error)})") from None
        finally:
            # Also after a login that was broken off. A writer that is collected closes its
            # connection, so it is kept; redis-py forgets both, or it would close it as well.
            reader, self._writer = connection._reader, connection._writer
            connection._reader = connection._writer = None
            self._take_over()
        # An end that its reader has seen is never told again: who takes over would wait for it.
        if self._transport is None or self._transport.is_closing() or reader.at_eof():
            raise Lost("connection lost")

    def _take_over(self) -> None:
        if self._writer is not None:
            transport = cast("asyncio.Transport", self._writer.transport)
            transport.set_protocol(self)
            self._transport = transport
            self._poller.register(transport.get_extra_info("socket").fileno(), select.POLLIN)

    def ready(self) -> bool:
        """Say whether the next command may be sent here."""
        if self._retired or self._transport is None or self._transport.is_closing():
            return False
        # The event loop may have had no turn yet in which it could learn of the end: the kernel
        # knows. A write on a connection that the server has closed would be in doubt for no reason.
        if not self._owed and self._poller.poll(0):
            self.drop()
            return False
        return True

    @property
    def idle(self) -> bool:
        """Whether every answer has come."""
        return not self._owed

    def ask(self, packed: bytes, *, answers: int, end: float) -> asyncio.Future[list[Any]]:
        """Send commands; the result are their answers, the server's errors among them.

        It fails with `Lost` if the connection ends, and with `Late` at *end*, a time of the event
        loop. Nobody who comes after an answer that was late is served here.
        """
        loop = asyncio.get_running_loop()
        future: asyncio.Future[list[Any]] = loop.create_future()
        if self.ended.done():
            future.set_exception(Lost(self.ended.result().cause))
            return future
        self._owed.append(_Owed(future, answers, end))
        if self._timer is None or self._timer.when() > end:
            self._watch_until(end)
        self.say(packed)
        return future

    def say(self, packed: bytes) -> None:
        """Send commands whose answers are heard, or asked for with `ask`."""
        if self._transport is None or self._transport.is_closing():
            return
        if self._gathered is not None:
            self._gathered.append(packed)
            return
        # The first one goes at once, and all that follow in this turn of the loop go together.
        self._gathered = []
        asyncio.get_running_loop().call_soon(self._send_gathered)
        self._transport.write(packed)

    def _send_gathered(self) -> None:
        gathered, self._gathered = self._gathered, None
        if gathered and self._transport is not None and not self._transport.is_closing():
            self._transport.write(b"".join(gathered))

    def retire(self) -> None:
        """Send nothing more; the connection ends when all that is owed has come, or is late."""
        if self._transport is None:
            return  # it is only being made
        self._retired = True
        if all(owed.future.done() for owed in self._owed):
            self.drop()

    def drop(self) -> None:
        """End the connection at once; an answer that is still on its way is never read."""
        self._end(Lost("connection lost"))

    def data_received(self, data: bytes) -> None:
        """Hand each answer to whom it belongs."""
        try:
            answers = self._reader.feed(data)
        except Unreadable:
            self._end(Lost("what came is no answer"))
            return
        if self.hear is not None:
            for answer in answers:
                self.hear(answer)
            return
        for answer in answers:
            if not self._owed:
                self._end(Lost("an answer to no question"))
                return
            owed = self._owed[0]
            owed.answers.append(answer)
            if len(owed.answers) == owed.count:
                self._owed.popleft()
                if not owed.future.done():
                    owed.future.set_result(owed.answers)
        if self._retired:
            self.retire()

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002  (asyncio's)
        """Tell everybody."""
        self._end(Lost("connection lost"))

    def _watch_until(self, end: float) -> None:
        """Look at *end* who has waited for too long: one timer for all of them."""
        if self._timer is not None:
            self._timer.cancel()
        self._timer = asyncio.get_running_loop().call_at(end, self._look)

    def _look(self) -> None:
        self._timer = None
        now = asyncio.get_running_loop().time()
        late = [owed for owed in self._owed if owed.end <= now]
        for owed in late:
            if not owed.future.done():
                owed.future.set_exception(Late())
        left = [owed.end for owed in self._owed if owed.end > now]
        if left:
            self._watch_until(min(left))
        if late:
            self.retire()

    def _end(self, why: Lost) -> None:
        self._retired = True
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._transport is not None:
            self._transport.abort()
        owed, self._owed = self._owed, deque()
        for each in owed:
            if not each.future.done():
                each.future.set_exception(Lost(why.cause))
        if not self.ended.done():
            self.ended.set_result(why)


def wires_of_url(url: str, *, timeout: float) -> Callable[[], Wire]:
    """Return a maker of connections to *url*.

    Raises:
        ConfigError: The address cannot be read. It is not repeated: it may hold a password.
    """
    try:
        options: dict[str, Any] = dict(parse_url(url))
        split = urlsplit(url)
    except ValueError:
        raise _unreadable() from None
    # redis-py takes database 0 where it cannot read the number: never guess where data goes.
    if "://" not in url or (split.scheme != "unix" and not _DATABASE.fullmatch(split.path)):
        raise _unreadable()
    kind = options.pop("connection_class", Connection)
    return maker(kind, options, timeout=timeout)


def wires_of_client(client: Redis, *, timeout: float) -> Callable[[], Wire]:
    """Return a maker of connections like those of *client*; its own ones are left alone."""
    pool = client.connection_pool
    return maker(pool.connection_class, dict(pool.connection_kwargs), timeout=timeout)


def _unreadable() -> ConfigError:
    return ConfigError("SIGNOFF_REDIS_URL", "it is no address of the form redis://host:port/db")


def maker(
    kind: Callable[..., Any], options: dict[str, Any], *, timeout: float
) -> Callable[[], Wire]:
    """Return a maker of connections of one of redis-py's kinds.

    Args:
        kind: The class.
        options: For it; those that repeat or check by themselves are set aside.
        timeout: Seconds for connecting.

    Raises:
        ConfigError: An option is not known.
    """
    kept = {
        name: value
        for name, value in options.items()
        if name not in _POOL_ONLY and not name.startswith(("maint_", "oss_", "orig_"))
    }
    kept |= {
        "protocol": 2,
        "decode_responses": False,
        "retry": Retry(NoBackoff(), 0),
        "retry_on_timeout": False,
        "health_check_interval": 0,
        # Our own deadlines cover whole operations; these two would only cut them into pieces.
        "socket_timeout": None,
        "socket_connect_timeout": timeout,
    }
    try:
        kind(**kept)
    except TypeError:
        raise ConfigError("SIGNOFF_REDIS_URL", "it holds an option that is not known") from None
    return lambda: Wire(kind(**kept))


def _word(error: BaseException | None) -> str | None:
    """Return the server's word for the login's *error*; `None` if it is no answer of the server."""
    text = str(error)
    if isinstance(error, errors.AuthenticationError):
        return "NOAUTH" if text.startswith("Authentication required") else "WRONGPASS"
    for kind, word in _WORDS:
        if isinstance(error, kind):
            return word
    return ServerError.of(text).word if isinstance(error, errors.ResponseError) else None


def _os_cause(error: BaseException) -> str:
    """Return the operating system's words for *error*, without any part of the address."""
    seen: BaseException | None = error
    while seen is not None:
        if isinstance(seen, OSError) and seen.errno:
            return os.strerror(seen.errno) if seen.errno > 0 else "host not found"
        if isinstance(seen, asyncio.TimeoutError | errors.TimeoutError):
            return "time is up"
        seen = seen.__cause__ or seen.__context__
    return type(error).__name__


def _cancellations() -> int:
    """Return how often the running task was asked to end."""
    task = asyncio.current_task()
    return 0 if task is None else task.cancelling()
