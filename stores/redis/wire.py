"""Owns one connection to Redis. Only this module and those that read addresses touch redis-py.

redis-py repeats, reconnects and checks by itself. Here all of that is off: a write that was sent
twice is a wrong answer, so a connection does one thing at a time and says how it ended.
"""

from __future__ import annotations

import asyncio
import os
import re
import select
from collections.abc import Callable, Sequence
from typing import Any, Final, Protocol
from urllib.parse import urlsplit

from redis import exceptions as errors
from redis.asyncio import Redis
from redis.asyncio.connection import Connection, parse_url
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff

from gate import ConfigError

__all__ = [
    "Argument",
    "Lost",
    "ServerError",
    "Wire",
    "maker",
    "wires_of_client",
    "wires_of_url",
]

Argument = str | bytes | int

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
_FIRST_WORD: Final = re.compile(r"[A-Z]{2,}(?= |$)")
_DATABASE: Final = re.compile(r"(?:/\d*)?")
_IN_SCRIPT: Final = re.compile(r"@user_script: ?\d+: -([A-Z]{2,}) ")
_POOL_ONLY: Final = frozenset({"max_connections", "timeout", "retry_on_error"})


class Lost(Exception):
    """The connection is gone or out of step; `cause` is a short reason without any argument."""

    def __init__(self, cause: str) -> None:
        super().__init__(cause)
        self.cause = cause


class ServerError(Exception):
    """The server answered with an error; `word` is its first word, such as OOM."""

    def __init__(self, word: str) -> None:
        super().__init__(word)
        self.word = word


class _Connection(Protocol):
    """What we use of redis-py's connections."""

    @property
    def is_connected(self) -> bool: ...

    async def connect(self) -> None: ...

    async def disconnect(self, nowait: bool = ...) -> None: ...  # noqa: FBT001  (redis-py's)

    async def send_packed_command(self, command: Any, check_health: bool = ...) -> None: ...  # noqa: FBT001  (redis-py's)

    def pack_commands(self, commands: Any) -> list[bytes]: ...

    async def read_response(self, disable_decoding: bool = ...) -> Any: ...  # noqa: FBT001  (redis-py's)


class Wire:
    """One connection. It is in step while nothing is owed on it."""

    def __init__(self, connection: _Connection) -> None:
        self._connection = connection
        self._owed = 0
        self.sent = False
        """Whether anything was sent since `begin`: then nobody knows that nothing happened."""

    @property
    def in_step(self) -> bool:
        """Whether the connection stands and every answer has been read."""
        return self._owed == 0 and self._connection.is_connected

    async def connect(self) -> None:
        """Connect and log in.

        Raises:
            Lost: No connection.
            ServerError: The server refused the login.
        """
        try:
            await self._connection.connect()
        except errors.RedisError as error:
            # On unix sockets redis-py wraps the refusal of a login in an error of its own.
            word = _word(error) or _word(error.__cause__)
            if word is not None:
                raise ServerError(word) from None
            raise Lost(f"cannot connect ({_os_cause(error)})") from None
        except OSError as error:
            raise Lost(f"cannot connect ({_os_cause(error)})") from None

    async def begin(self) -> bool:
        """Start a conversation; `False` if the server has closed the connection meanwhile."""
        self.sent = False
        if not self.in_step:
            return False
        # The name of this check changed between versions; both are there in some of them.
        if self._peer_spoke():
            return False
        name = "can_read" if hasattr(self._connection, "can_read") else "can_read_destructive"
        try:
            return not await getattr(self._connection, name)()
        except (errors.RedisError, OSError):
            return False

    def _peer_spoke(self) -> bool:
        """Ask the kernel whether anything came, the end included.

        The event loop may have had no turn yet in which it could learn of it, and a write on a
        connection that the server has closed would be in doubt for no reason.
        """
        writer = getattr(self._connection, "_writer", None)
        socket = None if writer is None else writer.get_extra_info("socket")
        if socket is None:
            return False
        poller = select.poll()
        poller.register(socket.fileno(), select.POLLIN)
        return bool(poller.poll(0))

    async def send(self, commands: Sequence[Sequence[Argument]], *, answers: int) -> None:
        """Send *commands*, which will have so many *answers*.

        Raises:
            Lost: The connection broke; some of it may have arrived.
        """
        if not self._connection.is_connected:
            # redis-py would connect anew here, without our subscriptions and without saying so.
            raise Lost("connection lost")
        self._owed += answers
        self.sent = True
        try:
            await self._connection.send_packed_command(
                self._connection.pack_commands(commands), check_health=False
            )
        except (errors.RedisError, OSError):
            raise Lost("connection lost") from None

    async def receive(self) -> Any:
        """Return the next answer, texts as bytes.

        Raises:
            Lost: The connection broke, or what came is no answer.
            ServerError: The answer is an error.
        """
        try:
            reply = await self._connection.read_response(disable_decoding=True)
        except errors.RedisError as error:
            word = _word(error)
            if word is None:
                raise Lost("connection lost") from None
            self._owed -= 1
            raise ServerError(word) from None
        except (OSError, ValueError):
            raise Lost("connection lost") from None
        self._owed -= 1
        return reply

    async def hear(self) -> Any:
        """Return what the server says unasked, on a connection that listens.

        Raises:
            Lost: The connection broke, or what came is no message.
            ServerError: A command was refused.
        """
        self._owed += 1
        return await self.receive()

    async def close(self) -> None:
        """Drop the connection at once; an answer that is still on its way is never read."""
        await self._connection.disconnect(nowait=True)

    async def aclose(self) -> None:
        """Close the connection and wait for that, as long as connecting may take."""
        try:
            await self._connection.disconnect()
        except (errors.RedisError, OSError):
            await self._connection.disconnect(nowait=True)


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
    """Return the server's word for *error*, or `None` if it is not an answer of the server."""
    text = str(error)
    if isinstance(error, errors.AuthenticationError):
        return "NOAUTH" if text.startswith("Authentication required") else "WRONGPASS"
    for kind, word in _WORDS:
        if isinstance(error, kind):
            # Refused in the middle of a script is not refused: something may be written.
            return "ERR" if word == "NOPERM" and "script" in text else word
    if not isinstance(error, errors.ResponseError):
        return None
    inside = _IN_SCRIPT.search(text)
    if inside is not None:
        return "ERR" if inside[1] == "NOPERM" else inside[1]
    first = _FIRST_WORD.match(text)
    return first[0] if first is not None else "ERR"


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
