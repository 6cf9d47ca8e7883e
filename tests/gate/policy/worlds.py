"""Small worlds for properties: a few rules and a few calls, so that they meet often."""

from __future__ import annotations

from itertools import product

from hypothesis import strategies as st

from gate import Effect, PermissionTarget, Rule, fs_glob, only_args, shell_glob, tool_named

__all__ = ["EFFECTS", "RULES", "SOURCES", "TARGETS", "strictness"]

SOURCES = ["billing", "ops"]
TARGETS = [
    PermissionTarget.tool(tool, arguments)
    for tool, arguments in product(
        ["read", "write", "READ"],
        [{}, {"path": "src/a"}, {"path": "src/../a"}, {"path": "etc", "x": 1},
         {"command": "ls"}, {"command": "ls; rm x"}],
    )
]  # fmt: skip
EFFECTS = st.sampled_from(list(Effect))

_tools = st.lists(st.sampled_from(["read", "write", "*", "re*"]), min_size=1, max_size=2)
_paths = st.lists(st.sampled_from(["src/**", "src/a", "**", "etc"]), min_size=1, max_size=2)
_commands = st.lists(st.sampled_from(["ls", "l*", "rm *"]), min_size=1, max_size=2)
_matchers = st.lists(
    _tools.map(lambda patterns: tool_named(*patterns))
    | _paths.map(lambda patterns: fs_glob(*patterns))
    | _commands.map(lambda patterns: shell_glob(*patterns))
    | st.just(only_args("path")),
    max_size=2,
)
_sources = st.none() | st.lists(st.sampled_from(["billing", "ops", "*"]), min_size=1, max_size=2)


@st.composite
def _rules(draw: st.DrawFn) -> list[Rule]:
    names = draw(st.lists(st.sampled_from("abcd"), unique=True, max_size=4))
    return [
        Rule(
            name=name,
            effect=draw(EFFECTS),
            source=draw(_sources),
            target=draw(_matchers) or None,
        )
        for name in names
    ]


RULES = _rules()


def strictness(effect: Effect) -> int:
    """How much an effect forbids."""
    return [Effect.ALLOW, Effect.ASK, Effect.DENY].index(effect)
