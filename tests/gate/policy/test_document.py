"""A policy as text: read whole and strictly, or not at all."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gate import PermissionTarget, PolicyError, read_policy

from .worlds import strictness

SAMPLE = (Path(__file__).parents[3] / "examples" / "policy.toml").read_bytes()
END = "\n[end]\nrules = 1\n"
RULE = 'version = 1\n[[rules]]\nname = "a"\neffect = "allow"\ntool = "t"\n'

CALLS = [
    (source, PermissionTarget.tool(tool, arguments))
    for source in ("agent", "release-1")
    for tool, arguments in [
        ("read_file", {"path": "src/a"}),
        ("read_file", {"path": "src/.env"}),
        ("read_file", {"path": "src/../.env"}),
        ("read_file", {"path": "src/a", "follow": True}),
        ("write_file", {"path": "src/a.py", "text": ""}),
        ("write_file", {"path": "docs/a.md", "text": ""}),
        ("write_file", {"path": "/etc/passwd", "text": ""}),
        ("shell", {"command": "git status"}),
        ("shell", {"command": "git status; rm x"}),
        ("shell", {"command": "rm x"}),
        ("http_get", {"url": "https://api.example.com/v1/x"}),
        ("http_get", {"url": "https://evil.example/"}),
        ("deploy", {"environment": "staging", "replicas": 3}),
        ("deploy", {"environment": "staging", "replicas": 4}),
        ("deploy", {"environment": "production", "replicas": 1}),
        ("other", {}),
    ]
]


def test_the_example_says_what_its_names_say():
    """Each rule of the shipped example decides the call that it is meant for."""
    policy = read_policy(SAMPLE).policy
    said = [policy.check(source, target) for source, target in CALLS[16:]]
    assert [
        "read", "no-secrets", "no-secrets", None, "write-sources", "write-sources",
        "write-elsewhere", "look-around", "other-commands", "other-commands", "our-api", None,
        "deploy-test", "deploy", "deploy", None,
    ] == [each.rule for each in said]  # fmt: skip


def test_cut_anywhere_it_lets_nothing_more_through():
    """A file that was cut at any byte is not taken, or says the same as the whole."""
    whole = read_policy(SAMPLE).policy
    taken = 0
    for end in range(len(SAMPLE)):
        try:
            part = read_policy(SAMPLE[:end]).policy
        except PolicyError:
            continue
        taken += 1
        for source, target in CALLS:
            before, after = whole.check(source, target), part.check(source, target)
            assert strictness(after.effect) >= strictness(before.effect)
    assert taken <= len(b"\n")


@settings(deadline=None, max_examples=300)
@given(st.integers(0, len(SAMPLE) - 1), st.integers(1, 200))
def test_a_hole_lets_nothing_more_through(start: int, length: int):
    """A stretch that a crash filled with zeros is not read over."""
    text = SAMPLE[:start] + bytes(length) + SAMPLE[start + length :]
    with pytest.raises(PolicyError):
        read_policy(text)


def test_the_number_and_the_reason():
    """What the author says beside the rules."""
    text = f'version = 7\n[[rules]]\nname = "a"\neffect = "ask"\nreason = "Why."{END}'
    document = read_policy(text)
    assert (7, "Why.") == (document.number, document.policy.rules[0].reason)


def test_no_rules():
    """A policy without rules denies everything."""
    policy = read_policy("version = 1\nrules = []\n[end]\nrules = 0\n").policy
    assert "deny" == policy.check_tool("t").effect.value


BROKEN: list[tuple[str, str, str | None, int | None]] = [
    # text, what is said, key, line
    ("", "does not end with [end]", "end", None),
    (RULE, "does not end with [end]", "end", None),
    (RULE + "\n[end]\nrules = 2\n", "it is not whole", "end.rules", None),
    ("[end]\nrules = 1\n" + RULE, "does not end with [end]", "end", None),
    (RULE + END + "\n[more]\n", "does not end with [end]", "end", None),
    (RULE + "\n[end]\n", "does not end with [end]", "end", None),
    (RULE + 'tool = "u"' + END, "not TOML", None, 6),
    (RULE + "paths = {" + END, "not TOML", None, 6),
    ("version = 1\nroot = 3\nrules = []\n[end]\nrules = 0\n", "string", "root", 2),
    (RULE.replace("version = 1", "") + END, "required", "version", None),
    (RULE.replace("version = 1", "version = '1'") + END, "integer", "version", 1),
    (RULE.replace("version = 1", "version = true") + END, "integer", "version", 1),
    (RULE.replace("version = 1", "version = 0") + END, "greater", "version", 1),
    (RULE.replace("version = 1", "version = 1\nverison = 2") + END, "no such key", "verison", 2),
    (RULE + 'tols = "u"' + END, "no such key", "rules.0.tols", 6),
    (RULE.replace("effect", "efect") + END, "no such key", "rules.0.efect", 4),
    (RULE.replace('"allow"', '"permit"') + END, "'allow', 'ask' or 'deny'", "rules.0.effect", 4),
    (RULE.replace('"allow"', "true") + END, "'allow', 'ask' or 'deny'", "rules.0.effect", 4),
    (RULE.replace('name = "a"\n', "") + END, "required", "rules.0.name", 2),
    (RULE.replace('"a"', '"a b"') + END, "no id", "rules.0.name", 3),
    (RULE.replace('tool = "t"', "tool = []") + END, "at least 1", "rules.0.tool", 5),
    (RULE.replace('tool = "t"', 'tool = [""]') + END, "empty", "rules.0.tool", 5),
    (RULE.replace('tool = "t"', 'tool = ""') + END, "empty", "rules.0.tool", 5),
    (RULE.replace('tool = "t"', "tool = 3") + END, "list", "rules.0.tool", 5),
    (RULE.replace('tool = "t"', "") + END, "for which tools", "rules.0.tool", 2),
    (RULE + "source = []" + END, "at least 1", "rules.0.source", 6),
    (RULE + "paths = {}" + END, "at least 1", "rules.0.paths", 6),
    (RULE + 'paths = ["src"]' + END, "dictionary", "rules.0.paths", 6),
    (RULE + "paths = { path = [] }" + END, "at least 1", "rules.0.paths.path", 6),
    (RULE + 'paths = { path = "a/../b" }' + END, "climb", "rules.0.paths", 6),
    (RULE + 'commands = { command = "a; b" }' + END, "plain command", "rules.0.commands", 6),
    (RULE + 'urls = { url = "a.example" }' + END, "scheme", "rules.0.urls", 6),
    (RULE + "compound = 1" + END, "boolean", "rules.0.compound", 6),
    (RULE + "args = { x = {} }" + END, "a condition is empty", "rules.0.args.x", 6),
    (RULE + "args = { x = 3 }" + END, "dictionary", "rules.0.args.x", 6),
    (RULE + "args = { x = { at_most = '3' } }" + END, "valid", "rules.0.args.x.at_most.int", 6),
    (RULE + "args = { x = { at_most = nan } }" + END, "finite", "rules.0.args.x.at_most", 6),
    (RULE + "args = { x = { than = 3 } }" + END, "no such key", "rules.0.args.x.than", 6),
    (RULE + "args = { x = { one_of = [] } }" + END, "at least 1", "rules.0.args.x.one_of", 6),
    (RULE + "args = { x = { like = [''] } }" + END, "empty", "rules.0.args.x", 6),
    (RULE + 'reason = ""' + END, "visible text", "rules.0.reason", 6),
    (RULE + '[[rules]]\nname = "a"\neffect = "deny"' + "\n[end]\nrules = 2", "has this name",
     "rules.1.name", 7),
    ("version = 1\nroot = 'srv'\n" + RULE.partition("\n")[2] + "paths = { path = 'a' }" + END,
     "root is not an absolute path", "rules.0.paths", 7),
]  # fmt: skip


@pytest.mark.parametrize(("text", "said", "key", "line"), BROKEN)
def test_what_is_refused(text: str, said: str, key: str | None, line: int | None):
    """Anything unknown, doubled, empty or of the wrong type is an error that says where."""
    with pytest.raises(PolicyError) as caught:
        read_policy(text, file="p.toml")
    error = caught.value
    assert said in error.reason
    assert ("p.toml", key, line) == (error.file, error.key, error.line)
    assert "p.toml" in str(error)


@pytest.mark.parametrize(
    "text",
    [b"\xff\xfe", b"\xef\xbb\xbfversion = 1", b"version = 1\x00", b"a = " + b"[" * 50_000,
     b"# " + b"x" * 300_000, b"version = 1" + b"1" * 5000, "\ud800"],
)  # fmt: skip
def test_what_is_no_text(text: bytes | str):
    """Other encodings, zeros, endless nesting, endless numbers, endless files."""
    with pytest.raises(PolicyError):
        read_policy(text)


def test_errors_hold_no_values():
    """What stands in the file stays in the file."""
    text = RULE + 'args = { x = { equals = ["hunter2"] } }' + END
    with pytest.raises(PolicyError) as caught:
        read_policy(text)
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize(
    ("condition", "value", "expected"),
    [
        ({"equals": "test"}, "test", True),
        ({"equals": "test"}, "tests", False),
        ({"equals": "test"}, "TEST", None),
        ({"equals": "test"}, ["test"], False),
        ({"equals": 1}, 1, True),
        ({"equals": 1}, 2, False),
        ({"equals": 1}, True, None),
        ({"equals": 1}, 1.0, None),
        ({"equals": 1}, "1", None),
        ({"equals": True}, 1, None),
        ({"equals": False}, None, None),
        ({"one_of": ["a", "b"]}, "b", True),
        ({"one_of": ["a", "b"]}, "c", False),
        ({"one_of": ["a", 2]}, 2, True),
        ({"at_most": 3}, 3, True),
        ({"at_most": 3}, 3.5, False),
        ({"at_most": 3}, "3", None),
        ({"at_most": 3}, True, None),
        ({"at_least": 1, "at_most": 3}, 0, False),
        ({"at_least": 1, "at_most": 3}, 2, True),
        ({"at_least": 1.5}, 2, True),
        ({"like": ["*@a.example"]}, "x@a.example", True),
        ({"like": ["*@a.example"]}, "x@a.example\n", False),
        ({"like": ["*@a.example"]}, "x@A.example", None),
        ({"like": ["*"]}, 3, None),
    ],
)
def test_conditions(condition: dict[str, Any], value: Any, expected: bool | None):
    """A value of another type may be anything to the tool that reads it."""
    terms = ", ".join(f"{key} = {json.dumps(each)}" for key, each in condition.items())
    policy = read_policy(RULE + f"args = {{ x = {{ {terms} }} }}" + END).policy
    target = PermissionTarget.tool("t", {"x": value})
    assert expected is policy.rules[0].fits("agent", target, "execute")


NAMES = st.lists(st.sampled_from("abcdef"), unique=True, min_size=1, max_size=4)
TEXT = st.sampled_from(["read", "write_*", "de?loy", 'quo"te', "back\\slash", "été"])


@settings(deadline=None)
@given(st.data())
def test_round_trip(data: st.DataObject):
    """What is written as TOML is read as the rules that it says."""
    written: list[dict[str, Any]] = []
    for name in data.draw(NAMES):
        rule: dict[str, Any] = {
            "name": name,
            "effect": data.draw(st.sampled_from(["allow", "ask", "deny"])),
            "tool": data.draw(st.lists(TEXT, min_size=1, max_size=3)),
        }
        if data.draw(st.booleans()):
            rule["reason"] = data.draw(st.sampled_from(["Why.", 'He said "no".']))
        if data.draw(st.booleans()):
            rule["source"] = data.draw(st.lists(TEXT, min_size=1, max_size=2))
        if data.draw(st.booleans()):
            rule["only_args"] = data.draw(st.lists(st.sampled_from("xyz"), max_size=2))
        written.append(rule)
    lines = [f"version = {data.draw(st.integers(1, 2**53))}"]
    for rule in written:
        lines.append("[[rules]]")
        # JSON's spelling of texts and lists is TOML's too.
        lines += [f"{key} = {json.dumps(value)}" for key, value in rule.items()]
    text = "\n".join([*lines, "[end]", f"rules = {len(written)}"])
    first, again = read_policy(text), read_policy(text + "\n")
    assert [rule["name"] for rule in written] == [rule.name for rule in first.policy.rules]
    assert [rule["effect"] for rule in written] == [rule.effect for rule in first.policy.rules]
    assert [rule.get("reason") for rule in written] == [each.reason for each in first.policy.rules]
    for rule, read in zip(written, first.policy.rules, strict=True):
        assert sorted(set(rule["tool"])) == read.spec[4][0][1]
        assert rule.get("source") == read.spec[2]
    assert (first.number, first.policy.version) == (again.number, again.policy.version)
