"""`signoff policy`: what a file says, to people and to scripts."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from bot.cli import main
from gate import PermissionTarget, read_policy_file

EXAMPLE = Path(__file__).parents[3] / "examples" / "policy.toml"
ROUTES = '[[routes]]\nname = "{}"\nchannel = "C0APPROVALS"\napprovers = ["U0ANA"]\n'


def invoke(*arguments: object) -> Any:
    return CliRunner().invoke(main, ["policy", *map(str, arguments)])


def write(folder: Path, *rules: str) -> Path:
    path = folder / "policy.toml"
    tables = [f'[[rules]]\nname = "r{place}"\n{rule}' for place, rule in enumerate(rules)]
    path.write_text("\n".join(["version = 4", *tables, "[end]", f"rules = {len(rules)}"]))
    return path


def test_the_example_is_in_order():
    """The shipped example has nothing that should be looked at."""
    done = invoke("check", EXAMPLE)
    version = read_policy_file(EXAMPLE).policy.version
    told = f"9 rules, version 3, policy {version[:12]}; approvers not checked (--config)\n"
    assert (0, told) == (done.exit_code, done.stdout)


def test_what_should_be_looked_at(tmp_path: Path):
    """One line for each finding, and code 1."""
    path = write(
        tmp_path,
        'effect = "ask"\ntool = "deploy"',
        'effect = "allow"\ntool = "*"',
        'effect = "deny"\ntool = "drop"',
    )
    done = invoke("check", path)
    assert 1 == done.exit_code
    assert [
        "no_reason: rule 1 r0: it asks people and does not tell them why",
        "allow_all: rule 2 r1: it allows every tool that no rule before it is for",
        'unreachable: rule 3 r2: it decides no clear call: rule 2 "r1" comes first and allows '
        "everything that it is for",
    ] == done.stdout.splitlines()[:3]
    wire = json.loads(invoke("check", path, "--json").stdout)
    assert ["no_reason", "allow_all", "unreachable"] == [each["code"] for each in wire["findings"]]
    assert (4, 3, "not checked") == (wire["number"], wire["rules"], wire["routes"])


@pytest.mark.parametrize(("name", "code"), [("deploy", 0), ("dep*", 0), ("other", 1)])
def test_approvers(tmp_path: Path, name: str, code: int):
    """With the bot's file: a rule must not ask where nobody may answer."""
    path = write(tmp_path, 'effect = "ask"\nreason = "Why."\ntool = "deploy"')
    config = tmp_path / "signoff.toml"
    config.write_text(ROUTES.format(name))
    done = invoke("check", path, "--config", config)
    assert (code, code == 1) == (done.exit_code, "nobody_answers" in done.stdout)
    assert "not checked" not in done.stdout


def test_a_source_that_no_route_is_for(tmp_path: Path):
    """A route of another agent's is no route."""
    path = write(tmp_path, 'effect = "ask"\nreason = "Why."\ntool = "deploy"\nsource = "ops"')
    config = tmp_path / "signoff.toml"
    config.write_text(ROUTES.format("*").replace("name =", 'agent = "billing"\nname ='))
    assert (
        "no route of the bot fits 'deploy' of 'ops'"
        in invoke("check", path, "--config", config).stdout
    )


def test_a_broken_bot_file(tmp_path: Path):
    """A wrong `--config` is named, code 2."""
    done = invoke("check", EXAMPLE, "--config", tmp_path / "none.toml")
    assert (2, "signoff: SIGNOFF_CONFIG") == (done.exit_code, done.stderr[:23])


@pytest.mark.parametrize("verb", [["check"], ["explain", "deploy", "--policy"]])
def test_a_broken_policy(tmp_path: Path, verb: list[str]):
    """One sentence with file, line and key; the same as JSON; code 2."""
    path = write(tmp_path, 'effect = "permit"\ntool = "hunter2"')
    done = invoke(*verb, path)
    assert (2, "") == (done.exit_code, done.stdout)
    [line] = done.stderr.splitlines()
    assert line.startswith("signoff: policy.toml, line 4, rules.0.effect: Input should be 'allow'")
    wire = json.loads(invoke(*verb, path, "--json").stdout)
    assert ("policy_error", "policy.toml", 4) == (wire["error"], wire["file"], wire["line"])
    assert "hunter2" not in done.stderr


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["read_file", '{"path": "src/a"}'], 0, 'Allowed by rule 2 "read" of policy'),
        (["deploy", '{"environment": "test"}'], 1, 'Asked by rule 9 "deploy" of policy'),
        (["deploy", '{"environment": "test", "replicas": 1}', "--source", "release-1"], 0,
         'Allowed by rule 8 "deploy-test"'),
        (["read_file", '{"path": "a/../.env"}'], 2, "(it may fit; the call cannot be read for"),
        (["other"], 2, "Denied: no rule of policy"),
    ],
)  # fmt: skip
def test_why(arguments: list[str], code: int, said: str):
    """The rule and why, in the sentence that stands on the card."""
    done = invoke("explain", "--policy", EXAMPLE, *arguments)
    assert (code, True) == (done.exit_code, said in done.stdout)


def test_why_for_scripts():
    """Every part of the decision."""
    done = invoke("explain", "--policy", EXAMPLE, "--json", "deploy")
    policy = read_policy_file(EXAMPLE).policy
    decision = policy.check("agent", PermissionTarget.tool("deploy"))
    assert 1 == done.exit_code
    assert {
        "effect": "ask", "index": 8, "name": "deploy", "reason": "A deployment needs a person.",
        "sure": True, "policy": policy.version, "sentence": decision.sentence(),
    } == json.loads(done.stdout)  # fmt: skip


@pytest.mark.parametrize("text", ["{", "[]", '{"a": NaN}', '{"a": 1, "a": 2}', "3"])
def test_arguments_that_are_none(text: str):
    """Arguments that no agent could send are wrong usage, code 2."""
    done = invoke("explain", "--policy", EXAMPLE, "deploy", text)
    assert (2, True) == (done.exit_code, "ARGS_JSON" in done.stderr)
