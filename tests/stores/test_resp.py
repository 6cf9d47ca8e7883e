"""The language of Redis: what was sent comes out again, however it was cut on the way."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stores.redis.resp import AnswerReader, ServerError, Unreadable, pack

_ANSWERS = st.recursive(
    st.binary() | st.integers() | st.none(), lambda inner: st.lists(inner), max_leaves=20
)


def written(value: Any) -> bytes:
    """Return *value* as a server writes it."""
    match value:
        case None:
            return b"$-1\r\n"
        case bytes():
            return b"$%d\r\n%b\r\n" % (len(value), value)
        case int():
            return b":%d\r\n" % value
        case _:
            return b"*%d\r\n" % len(value) + b"".join(written(item) for item in value)


@given(st.lists(_ANSWERS), st.lists(st.integers(1, 40), min_size=1))
def test_answers_come_out_whole(values: list[Any], cuts: list[int]) -> None:
    """Any answers, arriving in pieces of any size, come out in order, each when it is whole."""
    text = b"".join(written(value) for value in values)
    reader, found, at, turn = AnswerReader(), [], 0, 0
    while at < len(text):
        size = cuts[turn % len(cuts)]
        found += reader.feed(text[at : at + size])
        at, turn = at + size, turn + 1
    assert values == found


@given(st.lists(st.lists(st.binary() | st.text() | st.integers(), min_size=1), max_size=5))
def test_commands_are_lists_of_texts(commands: list[list[bytes | str | int]]) -> None:
    """What is packed is what a server reads: every argument as a text."""
    texts = [
        [each if isinstance(each, bytes) else str(each).encode() for each in command]
        for command in commands
    ]
    assert texts == AnswerReader().feed(pack(commands))


@pytest.mark.parametrize(
    ("text", "word"),
    [
        (b"NOSCRIPT No matching script.", "NOSCRIPT"),
        (b"OOM command not allowed when used memory > 'maxmemory'.", "OOM"),
        (b"ERR unknown command", "ERR"),
        (b"something else", "ERR"),
        (b"NOPERM this user has no permissions to run the 'get' command", "NOPERM"),
        (b"NOPERM no permissions script: 0a, on @user_script:15.", "ERR"),
        (b"ERR Error running script (call to f_0a): @user_script:3: -NOPERM no", "ERR"),
        (b"ERR Error running script (call to f_0a): @user_script: 3: -WRONGTYPE no", "WRONGTYPE"),
    ],
)
def test_errors_have_their_word(text: bytes, word: str) -> None:
    """An error is an answer with a word; what a script could not do may be half done."""
    [error] = AnswerReader().feed(b"-" + text + b"\r\n")
    assert isinstance(error, ServerError)
    assert word == error.word


@pytest.mark.parametrize(
    "text",
    [
        b"HTTP/1.1 200 OK\r\n",
        b"$x\r\n",
        b"*1x\r\n",
        b"$2\r\nabc\r\n",
        b"*1\r\n" * 100,
        b"x" * 100_000,
    ],
)
def test_what_is_no_answer_is_refused(text: bytes) -> None:
    """Other protocols, broken lengths, depth and heads without end."""
    with pytest.raises(Unreadable):
        AnswerReader().feed(text)


@pytest.mark.parametrize(
    ("text", "place"),
    [
        (b"MOVED 3999 127.0.0.1:6381", "127.0.0.1:6381"),
        (b"ASK 3999 node-7.example:6381", "node-7.example:6381"),
        (b"MOVED 3999 ::1:6381", "::1:6381"),
        (b"MOVED 3999 :6381", ":6381"),
        (b"MOVED 3999", ""),
        (b"MOVED 3999 127.0.0.1:x", ""),
        (b"TRYAGAIN Multiple keys request during rehashing of slot", ""),
        (b"ERR see 127.0.0.1:6381", ""),
    ],
)
def test_a_redirection_has_its_place(text: bytes, place: str) -> None:
    """Where a node of a cluster sends us, if it says so in its own way."""
    [error] = AnswerReader().feed(b"-" + text + b"\r\n")
    assert place == error.place
