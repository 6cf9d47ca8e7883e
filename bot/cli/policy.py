"""Owns `signoff policy`: looking at a policy file, and at what it says to one call."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import asdict
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any, Final, NoReturn

import click

from gate import (
    Effect,
    PermissionDecision,
    PermissionTarget,
    PolicyError,
    PolicyFinding,
    lint_policy,
    read_policy_file,
)

from ..routing import RouteRule
from ..settings import read_settings
from ..slack.text import visible
from .edits import json_of
from .output import print_json

__all__ = ["policy"]

_CODES: Final = {Effect.ALLOW: 0, Effect.ASK: 1, Effect.DENY: 2}
# Routes are looked at without a workspace; no token is used.
_NO_TOKENS: Final = {"SLACK_BOT_TOKEN": "xoxb-none", "SLACK_APP_TOKEN": "xapp-none"}

_json = click.option("--json", "as_json", is_flag=True, help="Print JSON, for scripts.")


@click.group()
def policy() -> None:
    """Look at a policy file: which calls run, which are asked about, which are refused."""


@policy.command()
@click.argument("file", type=click.Path(path_type=Path))
@click.option(
    "--config",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="The bot's file with the routes: also look whether somebody may answer what is asked.",
)
@_json
def check(*, file: Path, config: Path | None, as_json: bool) -> None:
    """Read a policy as strictly as an agent would, and say what its author hardly meant.

    Exit code 0: nothing to say; 1: something should be looked at; 2: it is not taken, and an agent
    keeps the policy that it has, or denies everything.
    """
    routes = _routes(config)
    try:
        document = read_policy_file(file)
    except PolicyError as error:
        _unreadable(error, as_json=as_json)
    rules = document.policy
    answered = None if routes is None else lambda who, tool: _answered(routes, who, tool)
    findings = lint_policy(rules, answered=answered)
    if as_json:
        print_json(
            {
                "number": document.number,
                "version": rules.version,
                "rules": len(rules),
                "routes": "not checked" if routes is None else "checked",
                "findings": [asdict(finding) for finding in findings],
            }
        )
    else:
        _print(findings)
        count = "1 rule" if len(rules) == 1 else f"{len(rules)} rules"
        told = f"{count}, version {document.number}, policy {rules.version[:12]}"
        click.echo(told + ("" if routes else "; approvers not checked (--config)"))
    sys.exit(1 if findings else 0)


@policy.command()
@click.argument("tool")
@click.argument("arguments", metavar="[ARGS_JSON]", default="{}")
@click.option(
    "--policy",
    "file",
    type=click.Path(path_type=Path),
    default=Path("policy.toml"),
    show_default=True,
    help="The policy file.",
)
@click.option("--source", default="agent", show_default=True, help="Who calls the tool.")
@click.option("--action", default="execute", show_default=True, help="What is done with it.")
@_json
def explain(
    *, tool: str, arguments: str, file: Path, source: str, action: str, as_json: bool
) -> None:
    """Say what the policy says to a call of TOOL with ARGS_JSON, a JSON object, and why.

    The same sentence stands on the card. Exit code 0: it runs; 1: people are asked; 2: it is
    refused, or the policy is not taken, which refuses everything.
    """
    value = json_of(arguments, hint="ARGS_JSON")
    if not isinstance(value, dict):
        raise click.BadParameter("it is not a JSON object", param_hint="ARGS_JSON")
    try:
        document = read_policy_file(file)
    except PolicyError as error:
        _unreadable(error, as_json=as_json)
    decision = document.policy.check(source, PermissionTarget.tool(tool, value), action)
    if as_json:
        print_json(_wire(decision))
    else:
        click.echo(visible(decision.sentence()))
    sys.exit(_CODES[decision.effect])


def _wire(decision: PermissionDecision) -> dict[str, Any]:
    return {
        "effect": decision.effect.value,
        "index": decision.matched_rule,
        "name": decision.rule,
        "reason": decision.reason,
        "sure": decision.sure,
        "policy": decision.policy_version,
        "sentence": decision.sentence(),
    }


def _unreadable(error: PolicyError, *, as_json: bool) -> NoReturn:
    """Say why a policy is not taken, and end with code 2."""
    if as_json:
        print_json(
            {
                "error": error.code,
                "reason": error.reason,
                "file": error.file,
                "line": error.line,
                "key": error.key,
            }
        )
        sys.exit(2)
    raise error


def _print(findings: Sequence[PolicyFinding]) -> None:
    for found in findings:
        place = "the policy" if found.rule is None else f"rule {found.rule + 1}"
        name = f" {visible(found.name)}" if found.name else ""
        click.echo(f"{found.code}: {place}{name}: {visible(found.sentence)}")


def _routes(config: Path | None) -> tuple[RouteRule, ...] | None:
    if config is None:
        return None
    environ = _NO_TOKENS | {"SIGNOFF_CONFIG": str(config.absolute())}
    return read_settings(environ, directory=Path.cwd()).routes


def _answered(routes: Sequence[RouteRule], source: str | None, tool: str) -> bool:
    return any(
        any(fnmatchcase(tool, pattern) for pattern in route.names)
        and (source is None or any(fnmatchcase(source, pattern) for pattern in route.agents))
        for route in routes
    )
