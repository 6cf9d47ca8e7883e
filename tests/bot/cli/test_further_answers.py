"""Edit, answer instead and skip at the command line: seen, strictly read, as the system's user."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Final

import pytest
from click.testing import CliRunner, Result

from bot.cli import main
from gate import Approval, ApprovalGate, ApprovalStatus, Desk, Quorum, Terms, Verdict
from stores import Store
from tests.bot.cli.test_approvals import ME
from tests.support.stores import at

SCHEMA: Final = {
    "type": "object",
    "properties": {"user_id": {"type": "integer", "maximum": 99}},
    "required": ["user_id"],
    "additionalProperties": False,
}
TWO: Final = Quorum(of=(ME, "cli:other"), needed=2)


def ask(url: str, *, quorum: Quorum | None = None, **fields: Any) -> Approval:
    answers = fields.pop("answers", ("edit", "override", "skip"))
    asked: dict[str, Any] = {
        "name": "delete-user",
        "payload": {"user_id": 42},
        "editable": True,
        "allow_override": True,
        "arguments_schema": SCHEMA,
        "policy": "rule deletions: people look at each",
    }

    async def work(store: Store) -> Approval:
        made = await ApprovalGate(store, agent="billing").request(id="x", **(asked | fields))
        terms = Terms(channel="C1", quorums=(quorum or Quorum(of=(ME,)),), answers=answers)
        return await Desk(store).route(made.key, terms)

    approval: Approval = at(url, work)
    return approval


def run(url: str, *arguments: str, typed: str | None = None) -> Result:
    environ = {"SIGNOFF_REDIS_URL": url, "COLUMNS": "200", "NO_COLOR": "1"}
    return CliRunner().invoke(main, arguments, input=typed, env=environ)


def found(url: str) -> Approval:
    approval: Approval = at(url, lambda store: Desk(store).get("x"))
    return approval


@pytest.fixture
def file(tmp_path: Path) -> Path:
    written = tmp_path / "edited.json"
    written.write_text('{"user_id": 43}', encoding="utf-8")
    return written


def test_edit_and_approve(url: str, file: Path):
    """The change is shown before the question, and what is decided is the edited payload."""
    ask(url)
    done = run(url, "approve", "x", "--edit", str(file), typed="y\n")
    assert 0 == done.exit_code
    assert done.stdout.index("-user_id: 42") < done.stdout.index("+user_id: 43")
    decided = found(url)
    assert (ApprovalStatus.APPROVED, {"user_id": 42}, {"user_id": 43}) == (
        decided.status,
        decided.payload,
        decided.effective_payload,
    )
    shown = run(url, "show", "x").stdout
    assert f"digest      {decided.digest} " in shown
    assert f"as edited   {decided.effective_digest} " in shown


def test_edit_from_a_pipe(url: str):
    """Standard input holds the arguments or the yes, not both; without the question it was seen."""
    ask(url)
    assert 2 == run(url, "approve", "x", "--edit", "-", typed='{"user_id": 43}').exit_code
    unseen = run(url, "approve", "x", "--edit", "-", "--yes", typed='{"user_id": 43}')
    assert (3, True) == (unseen.exit_code, "signoff show" in unseen.stderr)
    run(url, "show", "x")
    done = run(url, "approve", "x", "--edit", "-", "--yes", "--json", typed='{"user_id": 43}')
    assert {"user_id": 43} == json.loads(done.stdout)["decision"]["payload"]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('{"user_id": 43', "JSON"),
        ('{"user_id": 43, "user_id": 44}', "duplicate"),
        ('{"user_id": NaN}', "NaN"),
        ('{"user_id": 100}', "at most 99"),
        ('{"user_id": "43"}', "whole number"),
        ('{"user_id": 43, "more": 1}', "no such argument"),
        ("{}", "needed"),
        ("[43]", "no JSON object"),
    ],
)
def test_an_edit_that_is_none(url: str, file: Path, text: str, words: str):
    """Strict JSON that the schema takes, or one sentence and nothing on record."""
    before = ask(url)
    file.write_text(text, encoding="utf-8")
    done = run(url, "approve", "x", "--edit", str(file), typed="y\n")
    assert 0 != done.exit_code
    assert words in done.stderr
    assert before == found(url)


def test_a_schema_that_cannot_be_checked_holds_nobody_up(url: str, file: Path):
    """It is the agent's claim; that it was not checked is said."""
    schema = {"properties": {"user_id": {"type": "integer", "pattern": "a"}}, "$ref": "http://x/y"}
    ask(url, arguments_schema=schema)
    done = run(url, "approve", "x", "--edit", str(file), typed="y\n")
    assert (0, True) == (done.exit_code, "Not checked" in done.stderr)
    assert {"user_id": 43} == found(url).effective_payload


def test_answer_in_place_of_the_run(url: str):
    """The agent gets the words; together with an edit they would make no sense."""
    ask(url)
    both = run(url, "approve", "x", "--edit", "-", "--answer", "by hand", "--yes", typed="{}")
    assert 2 == both.exit_code
    done = run(url, "approve", "x", "--answer", "by hand\x1b[2J", typed="y\n")
    assert 0 == done.exit_code
    assert "\x1b" not in done.output
    assert (ApprovalStatus.APPROVED, "by hand\x1b[2J") == (
        found(url).status,
        found(url).proposed_result,
    )


def test_skip(url: str):
    """The agent goes on without it."""
    ask(url)
    done = run(url, "skip", "x", "--reason", "not today")
    assert 0 == done.exit_code
    decided = found(url)
    assert (Verdict.SKIP, "not today") == (
        decided.verdict,
        decided.decision and decided.decision.note,
    )


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        (("approve", "x", "--answer", "a"), "override"),
        (("approve", "x", "--edit", "FILE"), "edit"),
        (("skip", "x"), "skip"),
    ],
)
def test_what_the_route_does_not_list(url: str, file: Path, arguments: tuple[str, ...], word: str):
    """Code 3, a sentence that says what is missing, and nothing decided."""
    ask(url, answers=())
    given = [str(file) if each == "FILE" else each for each in arguments]
    done = run(url, *given, typed="y\n")
    assert 3 == done.exit_code
    assert f"`{word}`" in done.stderr
    assert ApprovalStatus.PENDING is found(url).status


def test_show_says_what_a_yes_would_mean(url: str):
    """The policy's words, who changed what, and what is asked from then on."""
    ask(url, quorum=TWO)
    shown = run(url, "show", "x").stdout
    assert "rule deletions: people look at each" in shown
    assert "the arguments as the agent asked" in shown

    async def edit(store: Store) -> None:
        await Desk(store).decide(
            "x", "approve", approver="cli:other", seen=True, payload={"user_id": 43}
        )

    at(url, edit)
    shown = run(url, "show", "x").stdout
    for part in ("cli:other", "-user_id: 42", "+user_id: 43", "the arguments as edited"):
        assert part in shown

    async def answer(store: Store) -> None:
        desk = Desk(store)
        await desk.decide(
            "x", "approve", approver="cli:other", seen=True, override_result="by hand"
        )

    at(url, answer)
    shown = run(url, "show", "x").stdout
    for part in ("cli:other", "by hand", "nothing runs"):
        assert part in shown


def test_a_yes_to_an_edit_needs_to_have_seen_it(url: str):
    """A look at what stood before the edit is none at the edit."""
    ask(url, quorum=TWO)
    run(url, "show", "x")

    async def edit(store: Store) -> None:
        await Desk(store).decide(
            "x", "approve", approver="cli:other", seen=True, payload={"user_id": 43}
        )

    at(url, edit)
    assert 3 == run(url, "approve", "x", "--yes").exit_code
    assert ApprovalStatus.PENDING is found(url).status
    run(url, "show", "x")
    assert 0 == run(url, "approve", "x", "--yes").exit_code
    assert (ApprovalStatus.APPROVED, {"user_id": 43}) == (
        found(url).status,
        found(url).effective_payload,
    )


def test_a_result_that_looks_like_a_secret_is_masked(url: str):
    """It counts as seen only when it was revealed, which goes on record."""
    ask(url, quorum=TWO)
    secret = "AKIA" + "IOSFODNN7EXAMPLE"

    async def answer(store: Store) -> None:
        await Desk(store).decide(
            "x", "approve", approver="cli:other", seen=True, override_result=f"use {secret}"
        )

    at(url, answer)
    for arguments in (("show", "x"), ("show", "x", "--json")):
        assert secret not in run(url, *arguments).output
    assert 3 == run(url, "approve", "x", "--yes").exit_code
    assert secret in run(url, "show", "x", "--reveal").output
    assert 0 == run(url, "approve", "x", "--yes").exit_code
