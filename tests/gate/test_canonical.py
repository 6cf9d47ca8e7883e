"""The canonical text: one spelling per value, refusal of whatever has none."""

from __future__ import annotations

import enum
import time
from collections import OrderedDict
from decimal import Decimal
from typing import Any

import pytest

from gate import LimitExceeded, PayloadNotCanonical, action_digest, canonical_text, parse_json
from gate.canonical import MAX_DEPTH, MAX_SIZE


def nested(depth: int) -> Any:
    value: Any = 1
    for _ in range(depth):
        value = [value]
    return value


class Word(str):
    __slots__ = ()


class Colour(enum.IntEnum):
    RED = 1


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "null"),
        (True, "true"),
        (False, "false"),
        (0, "0"),
        (1, "1"),
        (1.0, "1.0"),
        (-0.0, "-0.0"),
        (0.1, "0.1"),
        (0.1 + 0.2, "0.30000000000000004"),
        (1e16, "1e+16"),
        (1e-7, "1e-07"),
        (5e-324, "5e-324"),
        (1.7976931348623157e308, "1.7976931348623157e+308"),
        (2**53 + 1, "9007199254740993"),
        (-(2**63) - 1, "-9223372036854775809"),
        (10**100, "1" + "0" * 100),
        ("", '""'),
        ("é", '"é"'),
        ("e\u0301", '"e\u0301"'),
        ("\U0001f600", '"\U0001f600"'),
        ("\u2028\u202e\u200b", '"\u2028\u202e\u200b"'),
        ('"\\/\b\f\n\r\t\x00\x1f\x7f', '"\\"\\\\/\\b\\f\\n\\r\\t\\u0000\\u001f\x7f"'),
        ([], "[]"),
        ({}, "{}"),
        ([1, [2, {"a": None}]], '[1,[2,{"a":null}]]'),
        ({"a": 2, "b": 1}, '{"a":2,"b":1}'),
    ],
)
def test_each_value_has_one_spelling_that_reads_back(value: Any, text: str) -> None:
    """Integers are exact, floats the shortest that round-trips, characters as they are."""
    assert canonical_text(value) == text
    again = parse_json(text)
    assert (type(again), repr(again)) == (type(value), repr(value))


def test_keys_are_sorted_by_code_point() -> None:
    """Not by locale, and not by UTF-16 units, which would put the emoji before U+FB33."""
    keys = [
        "peach",
        "péché",
        "pêche",
        "sin",
        "",
        "10",
        "1",
        "111",
        "\ufb33",
        "\U0001f600",
        "€",
        "A",
    ]
    assert canonical_text(dict.fromkeys(keys, 0)) == (
        '{"":0,"1":0,"10":0,"111":0,"A":0,"peach":0,"péché":0,"pêche":0,"sin":0,'
        '"€":0,"\ufb33":0,"\U0001f600":0}'
    )


@pytest.mark.parametrize(
    "pair",
    [
        (1, 1.0),
        (1, True),
        (0, False),
        (0.0, -0.0),
        (None, "null"),
        ("1", 1),
        ([], {}),
        ("é", "e\u0301"),
        ("a", "A"),
        ({"a": None}, {}),
        ([1, 2], [2, 1]),
        ("K", "\u212a"),
    ],
)
def test_values_that_a_tool_tells_apart_have_two_texts(pair: tuple[Any, Any]) -> None:
    """Nothing is normalised: 1, 1.0 and true are three values, and so are two spellings of é."""
    assert canonical_text(pair[0]) != canonical_text(pair[1])


@pytest.mark.parametrize(
    ("value", "path"),
    [
        (float("nan"), ""),
        (float("inf"), ""),
        ([0, float("-inf")], "/1"),
        ({"a": [b"x"]}, "/a/0"),
        ({"a": (1, 2)}, "/a"),
        ({"a": {1, 2}}, "/a"),
        (Decimal(1), ""),
        (object(), ""),
        (Word("x"), ""),
        (Colour.RED, ""),
        (OrderedDict(a=1), ""),
        ({1: "x"}, ""),
        ({None: "x"}, ""),
        ({Word("k"): "x"}, ""),
        ("\ud800", ""),
        ("\ud83d\ude00", ""),
        ({"\udc00": 1}, ""),
        ({"user_id": {"sk-4eC39HqLyj": [1j]}}, "/user_id/?/0"),
        ({"a\nb": 1j}, "/?"),
    ],
)
def test_what_is_no_json_value_is_refused_with_its_place(value: Any, path: str) -> None:
    """Subclasses, bytes, sets, tuples, other keys and surrogates are refused, and never echoed."""
    with pytest.raises(PayloadNotCanonical) as caught:
        canonical_text(value)
    assert caught.value.path == path
    assert "4eC39" not in str(caught.value)


@pytest.mark.parametrize(
    "text",
    [
        "",
        " ",
        "\ufeff1",
        b"\xef\xbb\xbf1",
        "1 2",
        "[1]]",
        "[1,]",
        '{"a":1,}',
        "{a:1}",
        "'a'",
        "01",
        "-01",
        "+1",
        ".5",
        "1.",
        "1.e3",
        "0x10",
        "1_0",
        "\u0661",
        "NaN",
        "Infinity",
        "-Infinity",
        "[nan]",
        "nul",
        "True",
        '"a\tb"',
        '"\\x41"',
        '"\\u12"',
        '"open',
        "[1}",
        "// c\n1",
        "\x0b1",
        "1\x00",
        b"\xff",
        b'"\xc0\xaf"',
        b'"\xed\xa0\x80"',
        "[1]".encode("utf-16"),
        '"\ud800"',
        '"\\ud800"',
        '"\\ude00\\ud83d"',
        '{"\\udc00":1}',
        "1e400",
        "[-1e400]",
        "1e999999999999",
        '{"a":1,"a":1}',
        '{"a":1,"\\u0061":2}',
        '[{"x":{"a":1,"b":2,"a":3}}]',
    ],
)
def test_text_that_readers_could_read_in_two_ways_is_refused(text: str | bytes) -> None:
    """Duplicate keys, byte order marks, text behind, NaN, overflow to infinity, bad encodings."""
    with pytest.raises(PayloadNotCanonical) as caught:
        parse_json(text)
    assert caught.value.__context__ is None or caught.value.__suppress_context__


@pytest.mark.parametrize(
    ("text", "value"),
    [
        (" \t\r\n[ 1 , 2 ]\n", [1, 2]),
        ('"\\ud83d\\ude00"', "\U0001f600"),
        ('"\\u0000"', "\x00"),
        ("-0", 0),
        ("-0.0", -0.0),
        ("1E2", 100.0),
        ("1e-400", 0.0),
        ("100000000000000000000000", 10**23),
        ('{"__proto__":{"constructor":1}}', {"__proto__": {"constructor": 1}}),
        (b'"\xf0\x9f\x98\x80"', "\U0001f600"),
    ],
)
def test_other_spellings_of_a_value_are_read(text: str | bytes, value: Any) -> None:
    """Reading is strict, not narrow: white space, escapes and exponents are JSON."""
    assert repr(parse_json(text)) == repr(value)


def test_integers_have_up_to_4300_digits() -> None:
    """What is written can be read back by any CPython; one digit more is refused on both sides."""
    longest = int("9" * 4300)
    assert parse_json(canonical_text([longest, -longest])) == [longest, -longest]
    for refused in (
        lambda: canonical_text(longest + 1),
        lambda: canonical_text(-longest - 1),
        lambda: canonical_text(1 << 10_000_000),
        lambda: parse_json("9" * 4301),
        lambda: parse_json("-" + "9" * 4301),
    ):
        with pytest.raises(LimitExceeded):
            refused()


def test_many_small_integers_are_checked_fast() -> None:
    """A payload of the largest size may not hold up the event loop for seconds."""
    started = time.perf_counter()
    canonical_text([1] * 100_000)
    assert time.perf_counter() - started < 1


def test_depth_ends_at_64() -> None:
    """64 containers inside each other are fine, 65 are not, and neither is a value in itself."""
    assert parse_json(canonical_text(nested(MAX_DEPTH))) == nested(MAX_DEPTH)
    with pytest.raises(LimitExceeded):
        canonical_text(nested(MAX_DEPTH + 1))
    with pytest.raises(LimitExceeded):
        parse_json("[" * 65 + "]" * 65)
    with pytest.raises(LimitExceeded):
        parse_json("[" * 200_000 + "]" * 200_000)
    with pytest.raises(LimitExceeded):
        parse_json('{"a":' * 100_000 + "1" + "}" * 100_000)
    around: list[Any] = []
    around.append({"again": around})
    with pytest.raises(LimitExceeded):
        canonical_text(around)


def test_size_ends_at_256_kib_of_canonical_text() -> None:
    """The edge is exact, for texts of one, two and four bytes a character."""
    for character, width in (("a", 1), ("é", 2), ("\U0001f600", 4)):
        fitting = character * ((MAX_SIZE - 2) // width)
        rest = MAX_SIZE - 2 - len(fitting.encode())
        assert len(canonical_text(fitting + "a" * rest).encode()) == MAX_SIZE
        assert parse_json(canonical_text(fitting)) == fitting
        with pytest.raises(LimitExceeded):
            canonical_text(fitting + "a" * (rest + 1))


def test_reading_ends_at_the_same_size() -> None:
    """White space has room beside the value; the value itself has as much as in writing."""
    assert parse_json(" " * MAX_SIZE + '"a"') == "a"
    for text in (
        '"' + "a" * (MAX_SIZE - 1) + '"',
        "[" + "1e15," * 30_000 + "1]",
        "[" + "[]," * 100_000 + "1]",
        " " * (4 * MAX_SIZE) + "1",
    ):
        with pytest.raises(LimitExceeded):
            parse_json(text)


def test_a_small_value_that_is_endless_when_written_is_refused_early() -> None:
    """A list that holds one other list twice, level by level, never becomes a text."""
    laughs: list[Any] = ["ha"]
    for _ in range(MAX_DEPTH - 2):
        laughs = [laughs, laughs]
    started = time.perf_counter()
    with pytest.raises(LimitExceeded):
        canonical_text(laughs)
    assert time.perf_counter() - started < 2


def test_the_digest_covers_namespace_agent_name_and_payload() -> None:
    """Any difference is another digest, also where only the boundary between two names moves."""
    base: dict[str, Any] = {
        "namespace": "ns",
        "agent": "a",
        "name": "bc",
        "payload": {"x": [1]},
    }
    others: list[dict[str, Any]] = [
        {"namespace": "n", "agent": "sa"},
        {"namespace": "ns2"},
        {"agent": "ab", "name": "c"},
        {"agent": 'a","bc', "name": ""},
        {"name": "bc\n"},
        {"name": 'bc"]\n{"x":[1]}'},
        {"payload": {"x": [1.0]}},
        {"payload": {"x": [True]}},
        {"payload": {"x": "[1]"}},
        {"payload": {"x": [1], "y": None}},
        {"payload": None},
        {"payload": ""},
    ]
    digests = [action_digest(**(base | other)) for other in [{}, *others]]
    assert len(set(digests)) == len(digests)


def test_the_digest_never_changes_with_a_release() -> None:
    """Stored approvals and receipts hold it: this value is for ever."""
    assert (
        action_digest(
            namespace="default", agent="billing", name="delete-user", payload={"user_id": 42}
        )
        == "cbbe8fcfab0f6a637e9b9e82bc63bac03b7f29108cd29382d2bf8332b7704631"
    )
