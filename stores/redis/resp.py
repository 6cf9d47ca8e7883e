"""Owns the language of Redis (RESP, version 2): commands into bytes, bytes into answers. Pure."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any, Final

__all__ = ["AnswerReader", "Argument", "ServerError", "Unreadable", "pack"]

Argument = str | bytes | int

_CRLF: Final = b"\r\n"
_LONGEST_HEAD: Final = 64 * 1024
_DEEPEST: Final = 16
_FIRST_WORD: Final = re.compile(r"[A-Z]{2,}(?= |$)")
_PLACE: Final = re.compile(r" (\S*:[0-9]{1,5})$")
_REDIRECTS: Final = frozenset({"MOVED", "ASK"})
_IN_SCRIPT: Final = re.compile(r"@user_script: ?\d+: -([A-Z]{2,}) ")


class Unreadable(Exception):
    """What came is no answer."""


class ServerError(Exception):
    """The server answered with an error.

    Attributes:
        word: Its first word, such as OOM.
        place: Where a node of a cluster sends us, as `host:port`; empty if nowhere.
    """

    def __init__(self, word: str, *, place: str = "") -> None:
        super().__init__(word)
        self.word = word
        self.place = place

    @classmethod
    def of(cls, text: str) -> ServerError:
        """Return the error that the server's *text* is."""
        inside = _IN_SCRIPT.search(text)
        first = _FIRST_WORD.match(text)
        word = inside[1] if inside is not None else first[0] if first is not None else "ERR"
        # Refused in the middle of a script is not refused: something may be written.
        if word == "NOPERM" and "script" in text:
            word = "ERR"
        place = _PLACE.search(text) if word in _REDIRECTS else None
        return cls(word, place=place[1] if place is not None else "")


def pack(commands: Sequence[Sequence[Argument]]) -> bytes:
    """Return *commands* as they go over the wire, one behind the other."""
    parts: list[bytes] = []
    for command in commands:
        parts.append(b"*%d\r\n" % len(command))
        for argument in command:
            if isinstance(argument, str):
                data = argument.encode()
            else:
                data = argument if isinstance(argument, bytes) else b"%d" % argument
            parts.append(b"$%d\r\n%b\r\n" % (len(data), data))
    return b"".join(parts)


class AnswerReader:
    """Makes answers of what arrives, in pieces of any size; each byte is looked at once.

    Texts are bytes, nothing is `None`, and an error is a `ServerError`, not raised.
    """

    def __init__(self) -> None:
        self._rest = b""
        self._open: list[tuple[list[Any], int]] = []
        """Lists that are not whole yet, from the outside in, with their lengths."""

    def feed(self, data: bytes) -> list[Any]:
        """Return the answers that are whole now.

        Raises:
            Unreadable: What came is no answer.
        """
        if self._rest:
            data = self._rest + data
        whole: list[Any] = []
        at = 0
        while (end := data.find(_CRLF, at)) >= 0:
            kind, head = data[at], data[at + 1 : end]
            value: Any
            if kind == 36:  # $
                size = _number(head)
                if size < 0:
                    at, value = end + 2, None
                elif len(data) >= (stop := end + 2 + size) + 2:
                    if data[stop : stop + 2] != _CRLF:
                        raise Unreadable
                    at, value = stop + 2, data[end + 2 : stop]
                else:
                    break
            elif kind == 42:  # *
                at, size = end + 2, _number(head)
                if size > 0:
                    if len(self._open) == _DEEPEST:
                        raise Unreadable
                    self._open.append(([], size))
                    continue
                value = None if size < 0 else []
            else:
                at, value = end + 2, _plain(kind, head)
            self._put(value, whole)
        self._rest = data[at:]
        if end < 0 and len(self._rest) > _LONGEST_HEAD:
            raise Unreadable
        return whole

    def _put(self, value: Any, whole: list[Any]) -> None:
        """Put a value where it belongs, and each list that it completes."""
        while self._open:
            items, size = self._open[-1]
            items.append(value)
            if len(items) < size:
                return
            self._open.pop()
            value = items
        whole.append(value)


def _plain(kind: int, head: bytes) -> Any:
    if kind == 58:  # :
        return _number(head)
    if kind == 43:  # +
        return head
    if kind == 45:  # -
        return ServerError.of(head.decode(errors="replace"))
    raise Unreadable


def _number(head: bytes) -> int:
    try:
        return int(head)
    except ValueError:
        raise Unreadable from None
