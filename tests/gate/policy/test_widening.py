"""Two policies compared: what is said to let nothing more through does not."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gate import PermissionPolicy, Rule, fs_glob, tool_named
from gate.policy import widening

from .worlds import EFFECTS, RULES, SOURCES, TARGETS, strictness

ALLOW = Rule(name="a", effect="allow", target=tool_named("read", "write"))
ASK = Rule(name="b", effect="ask", target=tool_named("deploy"))
DENY = Rule(name="c", effect="deny", target=tool_named("drop"))
NEW = tool_named("read")


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ([ALLOW, ASK, DENY], [ALLOW, ASK, DENY]),
        ([ALLOW, ASK, DENY], [ASK, DENY]),
        ([ALLOW, ASK], [DENY, ALLOW, ASK]),
        ([ALLOW], [replace(ALLOW, target=NEW)]),
        ([ALLOW], [replace(ALLOW, effect="ask")]),
        ([ALLOW], [replace(ALLOW, effect="deny")]),
        ([ALLOW], [replace(ALLOW, source="ops")]),
        ([ALLOW], [replace(ALLOW, target=[tool_named("read"), fs_glob("src/**")])]),
        ([ASK], [replace(ASK, effect="deny", target=tool_named("*"))]),
        ([DENY], [replace(DENY, target=tool_named("d*"))]),
        ([DENY], [replace(DENY, reason="clearer")]),
        ([ALLOW], []),
        ([], [DENY]),
    ],
)
def test_not_wider(old: list[Rule], new: list[Rule]):
    """Fewer permissions, more prohibitions, other words."""
    assert None is widening(PermissionPolicy(old), PermissionPolicy(new))


@pytest.mark.parametrize(
    ("old", "new", "why"),
    [
        ([], [ALLOW], "rule 'a' is new and allows"),
        ([], [ASK], "rule 'b' is new and asks"),
        ([DENY], [], "rule 'c' is gone"),
        ([ASK], [], "rule 'b' is gone"),
        ([DENY], [replace(DENY, effect="ask")], "rule 'c' did deny, and would ask"),
        ([ASK], [replace(ASK, effect="allow")], "rule 'b' did ask, and would allow"),
        ([ALLOW], [replace(ALLOW, target=tool_named("*"))], "rule 'a' would allow for more"),
        ([ALLOW], [replace(ALLOW, target=None)], "rule 'a' would allow for more"),
        ([ASK], [replace(ASK, target=tool_named("*"))], "rule 'b' would ask for more"),
        ([ASK], [replace(ASK, source="ops")], "rule 'b' would ask for less"),
        ([DENY], [replace(DENY, target=NEW)], "rule 'c' would deny for less"),
        ([DENY, ALLOW], [ALLOW, DENY], "rule 'c' has another place in the order"),
        (
            [replace(ALLOW, target=fs_glob("src/**", root="/srv"))],
            [replace(ALLOW, target=fs_glob("src/**", root="/"))],
            "rule 'a' would allow for more",
        ),
        (
            [replace(ALLOW, target=lambda _: True)],
            [replace(ALLOW, target=lambda _: True)],
            "rule 'a' would allow for more",
        ),
        (
            [replace(ASK, name=None), Rule(effect="allow"), replace(ASK, name=None)],
            [Rule(effect="allow"), replace(ASK, name=None)],
            "an unnamed rule has another place in the order",
        ),
    ],
)
def test_wider(old: list[Rule], new: list[Rule], why: str):
    """Whatever lets more through, or may, is named."""
    told = widening(PermissionPolicy(old), PermissionPolicy(new))
    assert why == told


@st.composite
def _changed(draw: st.DrawFn) -> tuple[list[Rule], list[Rule]]:
    """A policy, and what becomes of it: rules dropped, moved, changed, added."""
    old = draw(RULES)
    new = [
        replace(rule, effect=draw(EFFECTS), target=rule.matchers or None)
        if draw(st.booleans())
        else rule
        for rule in old
        if draw(st.integers(0, 4))
    ]
    for rule in draw(RULES):
        names = [each.name for each in new]
        if rule.name in names and draw(st.booleans()):
            new[names.index(rule.name)] = rule
        elif rule.name not in names:
            new.insert(draw(st.integers(0, len(new))), rule)
    return old, new


@settings(max_examples=600, deadline=None)
@given(_changed())
def test_never_claimed_wrongly(change: tuple[list[Rule], list[Rule]]):
    """No call is treated more kindly by a policy that is said to let nothing more through."""
    old, new = (PermissionPolicy(rules) for rules in change)
    if widening(old, new) is None:
        for source in SOURCES:
            for target in TARGETS:
                before, after = old.check(source, target), new.check(source, target)
                assert strictness(after.effect) >= strictness(before.effect)
