"""The policy: first match wins, nothing fitting is a no, and what is unclear never helps."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given

from gate import (
    Effect,
    LimitExceeded,
    PayloadNotCanonical,
    PermissionPolicy,
    PermissionTarget,
    PolicyError,
    Rule,
    any_of_kind,
    fs_glob,
    memory_category,
    only_args,
    shell_glob,
    tool_named,
    url_pattern,
    with_args,
)

from .worlds import RULES, SOURCES, TARGETS

TOOL = PermissionTarget.tool("deploy", {"environment": "test"})


def effect(rules: list[Rule], target: PermissionTarget = TOOL, source: str = "agent") -> str:
    return PermissionPolicy(rules).check(source, target, "execute").effect.value


def test_no_rule_denies():
    """An empty policy denies everything, and says so."""
    decision = PermissionPolicy().check("agent", TOOL, "execute")
    assert (False, False, None) == (decision.allow, decision.ask, decision.matched_rule)
    assert "no rule matched (default deny)" == decision.reason
    assert effect([Rule(effect="allow", target=tool_named("other"))]) == "deny"


@pytest.mark.parametrize(("first", "second"), [("allow", "deny"), ("ask", "deny"), ("deny", "ask")])
def test_the_first_match_wins(first: str, second: str):
    """What comes after a rule that surely fits is not looked at."""
    assert first == effect([Rule(effect=first), Rule(effect=second)])


def test_sources_and_actions():
    """Lists mean any of them, `*` anybody; a source that is left out is anybody."""
    rules = [
        Rule(effect="allow", source=["billing", "ops-*"], action="read"),
        Rule(effect="ask", source="*", action=["*"]),
    ]
    policy = PermissionPolicy(rules)
    for source, action, expected in (
        ("billing", "read", "allow"),
        ("ops-1", "read", "allow"),
        ("ops-1", "write", "ask"),
        ("web", "read", "ask"),
        ("Billing", "read", "ask"),
    ):
        assert expected == policy.check(source, TOOL, action).effect.value


def test_the_decision_names_rule_reason_and_policy():
    """Index, name and reason of the rule, and the policy's version."""
    policy = PermissionPolicy(
        [Rule(effect="deny", source="x"), Rule(effect="ask", name="deploys", reason="A person.")]
    )
    decision = policy.check("agent", TOOL, "execute")
    assert (1, "deploys", "A person.") == (decision.matched_rule, decision.rule, decision.reason)
    assert (False, True, True) == (decision.allow, decision.ask, decision.sure)
    assert (policy.version, 64) == (decision.policy_version, len(policy.version))
    assert (
        f'Asked by rule 2 "deploys" of policy {policy.version[:12]}: A person.'
        == decision.sentence()
    )


@pytest.mark.parametrize(
    ("rule", "said"),
    [
        (Rule(effect="allow"), "Allowed by rule 1 of policy {}."),
        (Rule(effect="deny", reason="no"), "Denied by rule 1 of policy {}: no."),
        (Rule(effect="allow", source="x"), "Denied: no rule of policy {} fits."),
        (
            Rule(effect="deny", target=lambda _: None, reason="no"),
            "Denied by rule 1 of policy {} (it may fit; the call cannot be read for certain): no.",
        ),
    ],
)
def test_sentences(rule: Rule, said: str):
    """One sentence in the operator's words; nothing of the call."""
    policy = PermissionPolicy([rule])
    target = PermissionTarget.tool("deploy", {"secret": "hunter2"})
    sentence = policy.check("agent", target).sentence()
    assert said.format(policy.version[:12]) == sentence
    assert "hunter2" not in sentence


@pytest.mark.parametrize(
    ("rules", "expected"),
    [
        (["allow?"], "deny"),
        (["allow?", "allow"], "allow"),
        (["allow?", "ask"], "ask"),
        (["allow?", "ask?", "ask"], "ask"),
        (["deny?", "allow"], "deny"),
        (["ask?", "allow"], "ask"),
        (["ask?", "ask"], "ask"),
        (["ask?", "deny"], "deny"),
        (["ask?"], "deny"),
        (["ask?", "allow?", "allow"], "ask"),
        (["ask?", "deny?", "allow"], "deny"),
    ],
)
def test_the_stricter_reading_counts(rules: list[str], expected: str):
    """A rule of which it cannot be told whether it fits (`?`) never lets anything through."""
    made = [
        Rule(effect=each.rstrip("?"), target=(lambda _: None) if each.endswith("?") else None)
        for each in rules
    ]
    assert expected == effect(made)


@pytest.mark.parametrize("answer", [None, 1, "yes", [], object()])
def test_an_answer_that_is_none(answer: Any):
    """A matcher's answer counts only if it is `True` or `False`."""
    assert "deny" == effect([Rule(effect="allow", target=lambda _: answer)])
    assert "deny" == effect([Rule(effect="deny", target=lambda _: answer), Rule(effect="allow")])


def test_a_matcher_that_raises():
    """An exception is no answer either."""

    def broken(target: PermissionTarget) -> bool:
        raise RuntimeError(target)

    assert "deny" == effect([Rule(effect="allow", target=broken)])
    assert "deny" == effect([Rule(effect="deny", target=broken), Rule(effect="allow")])


@pytest.mark.parametrize(
    ("matcher", "target"),
    [
        (any_of_kind("fs", "shell"), PermissionTarget(kind="shell", path="x")),
        (fs_glob("src/**"), PermissionTarget(kind="fs", path="src/a")),
        (shell_glob("git *"), PermissionTarget(kind="shell", command="git status")),
        (url_pattern("https://a.example/**"), PermissionTarget(kind="url", url="https://a.example/")),
        (memory_category("facts"), PermissionTarget(kind="memory", category="facts")),
        (tool_named("dep*"), TOOL),
        (fs_glob("src/**", arg="file"), PermissionTarget.tool("write", {"file": "src/a"})),
        (memory_category("facts"), PermissionTarget.tool("save", {"category": "facts"})),
        (only_args("environment", "other"), TOOL),
    ],
)  # fmt: skip
def test_each_matcher_looks_at_its_kind_first(matcher: Any, target: PermissionTarget):
    """A matcher fits its own kind of target, and never another with the same field."""
    assert True is matcher(target)
    other = PermissionTarget(
        kind="other", path=target.path, command=target.command, url=target.url,
        category=target.category, tool_name=target.tool_name, arguments=target.arguments,
    )  # fmt: skip
    assert False is matcher(other)


@pytest.mark.parametrize("pattern", ["db_[ab]", "{a,b}", "", "a\nb"])
def test_names_with_other_special_letters(pattern: str):
    """What would be read in another way elsewhere, such as in the bot's routes, is refused."""
    with pytest.raises(PolicyError):
        tool_named("a", pattern)


def test_no_kinds():
    """`any_of_kind()` never fits."""
    assert False is any_of_kind()(TOOL)


def test_a_target_without_its_field():
    """A path target without a path may be any path."""
    assert None is fs_glob("**")(PermissionTarget(kind="fs"))


def test_arguments():
    """The boundary is exact, falsy values count, an absent argument has nothing to say."""
    dear = with_args("amount", lambda value: value > 100)
    told: list[Any] = []
    seen = with_args("x", lambda value: told.append(value) or True)
    for value, expected in ((100, False), (101, True)):
        assert expected is dear(PermissionTarget.tool("pay", {"amount": value}))
    assert False is dear(PermissionTarget.tool("pay", {}))
    assert False is dear(PermissionTarget(kind="fs", path="amount"))
    for value in (0, None, "", False, {"a": [1]}):
        assert True is seen(PermissionTarget.tool("t", {"x": value}))
    assert [0, None, "", False, {"a": [1]}] == told
    policy = PermissionPolicy([Rule(effect="allow", target=dear)])
    assert "deny" == policy.check("a", PermissionTarget.tool("pay", {"amount": "x"})).effect.value


def test_only_args():
    """One argument more, and it does not fit."""
    matcher = only_args("path")
    assert True is matcher(PermissionTarget.tool("read", {}))
    assert True is matcher(PermissionTarget.tool("read", {"path": "x"}))
    assert False is matcher(PermissionTarget.tool("read", {"path": "x", "follow": True}))


def test_a_target_is_a_read_only_copy():
    """Neither the caller nor a matcher changes what later rules see."""
    arguments = {"list": [1], "map": {"a": 1}}
    target = PermissionTarget.tool("t", arguments)
    arguments["list"].append(2)  # type: ignore[attr-defined]  # it is a list
    assert {"list": [1], "map": {"a": 1}} == target.arguments
    assert target.arguments is not None
    for change in (
        lambda: target.arguments.pop("list"),
        lambda: target.arguments["list"].append(2),
        lambda: target.arguments["map"].update(a=2),
        lambda: target.arguments["map"].__setitem__("a", 2),
        lambda: setattr(target, "tool_name", "other"),
    ):
        with pytest.raises((TypeError, AttributeError)):
            change()


def test_arguments_are_strict_json():
    """What could not be asked for is not judged either."""
    with pytest.raises(PayloadNotCanonical):
        PermissionTarget.tool("t", {"x": {1, 2}})
    with pytest.raises(LimitExceeded):
        PermissionTarget.tool("t", {"x": "a" * 300_000})


@pytest.mark.parametrize(
    "rule",
    [
        {"effect": "permit"},
        {"effect": "ALLOW"},
        {"effect": "allow", "source": []},
        {"effect": "allow", "source": ""},
        {"effect": "allow", "action": [""]},
        {"effect": "allow", "source": "ops-[12]"},
        {"effect": "allow", "target": []},
        {"effect": "allow", "target": ["deploy"]},
        {"effect": "allow", "name": "two words"},
        {"effect": "allow", "name": ""},
        {"effect": "allow", "reason": " "},
        {"effect": "allow", "reason": "a\nb"},
        {"effect": "allow", "reason": "a\u202eb"},
        {"effect": "allow", "reason": "a" * 501},
    ],
)
def test_rules_that_cannot_be(rule: dict[str, Any]):
    """A rule with a mistake is refused when it is made."""
    with pytest.raises(PolicyError):
        Rule(**rule)


def test_policies_that_cannot_be():
    """Two rules of one name, too many rules, and things that are no rules."""
    with pytest.raises(PolicyError):
        PermissionPolicy([Rule(effect="allow", name="a"), Rule(effect="deny", name="a")])
    with pytest.raises(PolicyError):
        PermissionPolicy([Rule(effect="deny")] * 1001)
    with pytest.raises(PolicyError):
        PermissionPolicy([{"effect": "allow"}])  # type: ignore[list-item]  # a careless caller's


def test_versions():
    """The version is that of what the rules say: the same for the same, another for another."""
    first = PermissionPolicy([Rule(effect="allow", target=tool_named("a", "b"))])
    same = PermissionPolicy([Rule(effect=Effect.ALLOW, target=[tool_named("b", "a")])])
    others = [
        PermissionPolicy(),
        PermissionPolicy([Rule(effect="ask", target=tool_named("a", "b"))]),
        PermissionPolicy([Rule(effect="allow", target=tool_named("a"))]),
        PermissionPolicy([Rule(effect="allow", target=tool_named("a", "b"), reason="r")]),
        PermissionPolicy([Rule(effect="allow", target=tool_named("a", "b"), source="s")]),
        PermissionPolicy([Rule(effect="allow", target=lambda _: True)]),
    ]
    assert first.version == same.version
    assert len({first.version, *(each.version for each in others)}) == 7


def test_additional_rules_come_last():
    """They are appended to a copy, and cannot reach past an earlier no."""
    first = PermissionPolicy([Rule(effect="deny", target=tool_named("deploy"))])
    more = first.with_additional([Rule(effect="allow")])
    assert (1, 2) == (len(first), len(more))
    assert "deny" == more.check_tool("deploy").effect.value
    assert "allow" == more.check_tool("other").effect.value
    assert "deny" == first.check_tool("other").effect.value


@given(RULES, RULES)
def test_additional_rules_change_no_earlier_decision(first: list[Rule], second: list[Rule]):
    """Whatever a rule of the first policy decided stays as it was."""
    policy = PermissionPolicy([Rule(**_plain(rule, f"x{rule.name}")) for rule in first])
    more = policy.with_additional(second)
    for source in SOURCES:
        for target in TARGETS:
            before, after = policy.check(source, target), more.check(source, target)
            if before.matched_rule is not None:
                assert (before.effect, before.matched_rule) == (after.effect, after.matched_rule)


def _plain(rule: Rule, name: str) -> dict[str, Any]:
    return {
        "effect": rule.effect, "source": rule.source, "target": rule.matchers or None, "name": name
    }  # fmt: skip
