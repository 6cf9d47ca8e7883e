"""Owns canonical text: the one spelling of a JSON value, and the digest of an action over it.

Strict in: JSON values only. Canonical text has its keys sorted by code point, no white space,
integers exact at any size that can be read back, floats as the shortest text that reads back as the
same float, and characters as they are (UTF-8, no escapes but those that JSON demands). Two values
have the same text exactly when a JSON reader cannot tell them apart, with one difference: `1` and
`1.0` stay two values, because tools tell them apart.
"""

from __future__ import annotations

import hashlib
import json
import math
import re
from functools import lru_cache
from typing import Any, Final

from .errors import LimitExceeded, PayloadNotCanonical

__all__ = [
    "MAX_DEPTH",
    "MAX_DIGITS",
    "MAX_SIZE",
    "action_digest",
    "canonical_text",
    "parse_json",
    "result_digest",
]

MAX_DEPTH: Final = 64
"""Nested containers in one value."""

MAX_SIZE: Final = 256 * 1024
"""Bytes of canonical text, UTF-8."""

MAX_DIGITS: Final = 4300
"""Decimal digits of one integer; the default limit of CPython's own reader, so that what is written
can be read back by any process."""

_GROWTH: Final = 8
"""`1e15` is written `1000000000000000.0`: 4.5 times as long, and nothing grows more."""
_FIRST_TOO_LONG: Final = 10**MAX_DIGITS
_PLAIN_NAME: Final = re.compile(r"[A-Za-z_-]{1,40}")
_DIGEST_PREFIX: Final = b"signoff/action/v1\n"
_RESULT_PREFIX: Final = b"signoff/result/v1\n"


def canonical_text(value: Any, *, max_depth: int = MAX_DEPTH, max_size: int = MAX_SIZE) -> str:
    """Return the canonical text of *value*.

    Args:
        value: `None`, `bool`, `int`, finite `float`, `str` without lone surrogates, `list`, and
            `dict` with `str` keys, exactly these types. Subclasses are refused: they can answer
            one question twice in two ways.
        max_depth: Containers inside containers.
        max_size: Bytes of the text in UTF-8.

    Raises:
        PayloadNotCanonical: Some part of *value* is not a JSON value; `path` says which.
        LimitExceeded: Too deep, too large, or an integer with more than 4,300 digits.
    """
    walk = _Walk(max_depth=max_depth, max_size=max_size)
    try:
        walk.visit(value, 0)
    except _Fault as fault:
        raise fault.told() from None
    walk.check_size()
    text = _WRITER.encode(value)
    size = len(text.encode())
    if size > max_size:
        raise LimitExceeded(field="payload bytes", value=size, limit=max_size)
    return text


def action_digest(*, namespace: str, agent: str, name: str, payload: Any) -> str:
    """Return the digest of an action: 64 hexadecimal digits, SHA-256 over its canonical text.

    It covers everything that changes the effect (namespace, agent, name, payload) and nothing that
    a model words anew at each attempt, such as the reason it gives.

    Raises:
        PayloadNotCanonical: See `canonical_text`.
        LimitExceeded: See `canonical_text`.
    """
    body = canonical_text(payload)
    head = _head(namespace, agent, name)
    return hashlib.sha256(_DIGEST_PREFIX + f"{head}\n{body}".encode()).hexdigest()


# By type too: what only looks like a text is refused each time.
@lru_cache(maxsize=256, typed=True)
def _head(namespace: str, agent: str, name: str) -> str:
    """Return what the digests of one agent's like actions have in common."""
    return canonical_text([namespace, agent, name])


def result_digest(digest: str, result: str) -> str:
    """Return the digest of *result* given in place of the run whose digest is *digest*."""
    text = canonical_text([digest, result]).encode()
    return hashlib.sha256(_RESULT_PREFIX + text).hexdigest()


def parse_json(text: str | bytes, *, max_depth: int = MAX_DEPTH, max_size: int = MAX_SIZE) -> Any:
    """Return the JSON value of *text*, read strictly.

    Args:
        text: One JSON value, as text or UTF-8.
        max_depth: Containers inside containers.
        max_size: Bytes of the value's canonical text. White space, escapes and long spellings of
            floats have room beside it, four times as much in all.

    Raises:
        PayloadNotCanonical: Not UTF-8, a byte order mark, broken JSON, text after the value,
            duplicate keys, NaN, infinities and numbers that a float cannot hold, lone surrogates.
        LimitExceeded: Too large (*text* before anything is parsed), too deep, or too many digits.
    """
    raw = text if isinstance(text, bytes) else text.encode("utf-8", "surrogatepass")
    if len(raw) > 4 * max_size:
        raise LimitExceeded(field="JSON bytes", value=len(raw), limit=4 * max_size)
    try:
        decoded = raw.decode("utf-8")
    except UnicodeDecodeError:
        raise PayloadNotCanonical(path="", reason="not UTF-8") from None
    try:
        value = _READER.decode(decoded)
    except RecursionError:
        raise LimitExceeded(field="payload depth", value=max_depth + 1, limit=max_depth) from None
    except json.JSONDecodeError as error:
        raise PayloadNotCanonical(path="", reason=f"broken JSON at {error.pos}") from None
    if not _plain(raw, max_depth=max_depth, max_size=max_size):
        canonical_text(value, max_depth=max_depth, max_size=max_size)
    return value


def _plain(raw: bytes, *, max_depth: int, max_size: int) -> bool:
    """Say whether nothing is left to be found in the value of *raw*, which was read strictly.

    Canonical text is at most `_GROWTH` times as long as any other spelling; what has no more
    brackets than the depth that is allowed is no deeper; a lone surrogate can only come by an
    escape.
    """
    return (
        len(raw) * _GROWTH <= max_size
        and raw.count(b"[") + raw.count(b"{") <= max_depth
        and b"\\u" not in raw
    )


class _Fault(Exception):
    """A part of a value is no JSON; `steps` are the way to it, from the inside out."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason
        self.steps: list[str | int] = []

    def told(self) -> PayloadNotCanonical:
        """Return the error for the caller."""
        # Keys are the caller's text, and some are secrets or people's data: only those that look
        # like a field's plain name are repeated.
        steps = [
            str(step) if isinstance(step, int) or _PLAIN_NAME.fullmatch(step) else "?"
            for step in reversed(self.steps)
        ]
        return PayloadNotCanonical(path="".join(f"/{step}" for step in steps), reason=self.reason)


class _Walk:
    """Checks a value before anything is built from it, and stops at the first fault.

    `size` is a lower bound of the text's size. It stops values that are small in memory and endless
    when written out, such as a list that holds one other list many times, level by level; the depth
    stops a value that holds itself.
    """

    __slots__ = ("_max_depth", "_max_size", "size")

    def __init__(self, *, max_depth: int, max_size: int) -> None:
        self._max_depth = max_depth
        self._max_size = max_size
        self.size = 0

    def check_size(self) -> None:
        """Refuse what is surely too long, long before it is written out."""
        if self.size > 2 * self._max_size + 64:
            raise LimitExceeded(field="payload bytes", value=self.size, limit=self._max_size)

    def visit(self, value: Any, depth: int) -> None:
        kind = type(value)
        if kind is str:
            self._string(value)
        elif value is None or kind is bool:
            self.size += 4
        elif kind is int:
            self._integer(value)
        elif kind is float:
            if not math.isfinite(value):
                raise _Fault("not a finite number")
            self.size += 3
        elif kind is list:
            self._enter(depth)
            for index, item in enumerate(value):
                self._step(index, item, depth)
        elif kind is dict:
            self._enter(depth)
            for key, item in value.items():
                if type(key) is not str:
                    raise _Fault(f"a key is {type(key).__name__}, not str")
                self._string(key)
                self._step(key, item, depth)
        else:
            raise _Fault(f"{kind.__name__} is not a JSON type")

    def _step(self, step: str | int, item: Any, depth: int) -> None:
        try:
            self.visit(item, depth + 1)
        except _Fault as fault:
            fault.steps.append(step)
            raise

    def _enter(self, depth: int) -> None:
        if depth >= self._max_depth:
            raise LimitExceeded(field="payload depth", value=depth + 1, limit=self._max_depth)
        # One container is no longer than what is in memory: only those in it can be endless.
        self.check_size()
        self.size += 2

    def _string(self, value: str) -> None:
        if value.isascii():
            self.size += len(value) + 2
            return
        try:
            self.size += len(value.encode()) + 2
        except UnicodeEncodeError:
            raise _Fault("lone surrogate in a string") from None

    def _integer(self, value: int) -> None:
        bits = value.bit_length()
        # Compared as a number: the text of a huge integer takes quadratic time to make.
        if abs(value) >= _FIRST_TOO_LONG:
            raise LimitExceeded(
                field="integer digits", value=int(bits / math.log2(10)) + 1, limit=MAX_DIGITS
            )
        self.size += 1 + bits // 4


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise PayloadNotCanonical(path="", reason="duplicate keys")
    return found


def _no_constant(name: str) -> Any:
    raise PayloadNotCanonical(path="", reason=f"{name} is not JSON")


def _finite(digits: str) -> float:
    value = float(digits)
    if not math.isfinite(value):
        raise PayloadNotCanonical(path="", reason="not a finite number")
    return value


def _exact_int(digits: str) -> int:
    count = len(digits.lstrip("-"))
    if count > MAX_DIGITS:
        raise LimitExceeded(field="integer digits", value=count, limit=MAX_DIGITS)
    return int(digits)


# Made once: each costs more than a small text.
_WRITER: Final = json.JSONEncoder(
    sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False
)
_READER: Final = json.JSONDecoder(
    object_pairs_hook=_unique,
    parse_constant=_no_constant,
    parse_int=_exact_int,
    parse_float=_finite,
)
