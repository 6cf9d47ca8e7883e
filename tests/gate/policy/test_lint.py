"""The lint finds what an author hardly meant, and is silent about what is in order."""

from __future__ import annotations

import pytest

from gate import (
    PermissionPolicy,
    Rule,
    any_of_kind,
    fs_glob,
    lint_policy,
    shell_glob,
    tool_named,
    url_pattern,
)

A = tool_named("a")
AB = tool_named("a", "b*")


def codes(*rules: Rule, **options: object) -> list[tuple[int | None, str]]:
    found = lint_policy(PermissionPolicy(rules), **options)  # type: ignore[arg-type]  # only `answered`
    return [(each.rule, each.code) for each in found]


@pytest.mark.parametrize(
    ("rules", "expected"),
    [
        ([Rule(effect="allow", target=A), Rule(effect="deny", target=tool_named("c"))], []),
        ([Rule(effect="allow", target=AB), Rule(effect="deny", target=A)], [(1, "unreachable")]),
        ([Rule(effect="deny"), Rule(effect="deny", target=A)], [(1, "unreachable")]),
        ([Rule(effect="allow", target=A), Rule(effect="deny", target=AB)], [(1, "shadowed")]),
        ([Rule(effect="deny", target=A), Rule(effect="deny", target=AB)], []),
        (
            [Rule(effect="allow", target=AB), Rule(effect="deny", target=tool_named("b"))],
            [(1, "unreachable")],
        ),
        (
            [
                Rule(effect="allow", source="ops", target=A),
                Rule(effect="deny", source=["ops", "x"], target=A),
            ],
            [(1, "shadowed")],
        ),
        ([Rule(effect="allow", source="ops", target=A), Rule(effect="deny", target=A)], []),
        ([Rule(effect="allow")], [(0, "allow_all")]),
        ([Rule(effect="allow", target=tool_named("*"))], [(0, "allow_all")]),
        ([Rule(effect="allow", target=any_of_kind("tool"))], [(0, "allow_all")]),
        ([Rule(effect="allow", target=[tool_named("*"), fs_glob("src/**")])], []),
        ([Rule(effect="allow", target=[A, fs_glob("/**")])], [(0, "wide")]),
        ([Rule(effect="allow", target=[A, shell_glob("*")])], [(0, "wide")]),
        ([Rule(effect="allow", target=[A, url_pattern("*://*/**")])], [(0, "wide")]),
        ([Rule(effect="deny")], []),
        ([Rule(effect="ask", target=A)], [(0, "no_reason")]),
        ([Rule(effect="deny", target=fs_glob("/etc/**"))], [(0, "no_root")]),
        ([Rule(effect="deny", target=fs_glob("/etc/**", root="/srv"))], []),
        ([Rule(effect="deny", target=[any_of_kind("fs"), A])], [(0, "never")]),
    ],
)  # fmt: skip
def test_findings(rules: list[Rule], expected: list[tuple[int, str]]):
    """Each finding has the rule's index and a stable word."""
    assert expected == codes(*rules)


def test_nobody_answers():
    """A rule that asks for what no route of the bot is for."""
    rules = [
        Rule(effect="ask", reason="r", target=tool_named("deploy"), source="ops"),
        Rule(effect="ask", reason="r", target=tool_named("pay_*")),
        Rule(effect="ask", reason="r"),
    ]
    asked: list[tuple[str | None, str]] = []

    def answered(source: str | None, tool: str) -> bool:
        asked.append((source, tool))
        return tool == "deploy"

    assert [(1, "nobody_answers"), (2, "nobody_answers")] == codes(*rules, answered=answered)
    assert [("ops", "deploy"), (None, "pay_x"), (None, "x")] == asked
