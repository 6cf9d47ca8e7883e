"""Owns the words that lead to the command line, for what Slack has no room for."""

from __future__ import annotations

from typing import Final

from gate import Approval

from ..text import quoted

__all__ = ["edit_there", "on_the_shell"]

_LONGEST_ID: Final = 128


def on_the_shell(verb: str, approval: Approval) -> str:
    """Return the command that does *verb* with *approval* at the command line."""
    command = f"signoff {verb} {quoted(approval.id, _LONGEST_ID)}"
    if approval.namespace == "default":
        return command
    return f"{command} --namespace {quoted(approval.namespace, _LONGEST_ID)}"


def edit_there(approval: Approval) -> str:
    """Return where arguments can be edited that no form in Slack takes, as a sentence."""
    return f"To edit them use the command line: {on_the_shell('approve', approval)} --edit FILE"
