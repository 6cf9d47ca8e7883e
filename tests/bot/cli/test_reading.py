"""What the commands print can be copied and believed, in a narrow terminal too."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from bot.cli import main
from gate import ApprovalGate, Desk, Quorum, Terms, Verdict
from stores import Store
from tests.support.stores import at

LONG = "call-" + "0123456789" * 8
ANA, BEN, CHO = "cli:ana", "cli:ben", "cli:cho"


def ask(url: str, *, terms: Terms | None = None, namespace: str = "default", **how: Any) -> str:
    """Ask and route; return the record's key."""
    asked: dict[str, Any] = {"id": "x", "name": "deploy", "payload": {"to": "prod"}}
    asked_of = terms or Terms(channel="C1", quorums=(Quorum(of=(ANA,)),))

    async def work(store: Store) -> str:
        gate = ApprovalGate(store, agent="billing", namespace=namespace)
        approval = await gate.request(**(asked | how))
        return (await Desk(store).route(approval.key, asked_of)).key

    key: str = at(url, work)
    return key


def run(url: str, *arguments: str, columns: int = 80) -> Result:
    environ = {"SIGNOFF_REDIS_URL": url, "COLUMNS": str(columns), "NO_COLOR": "1"}
    return CliRunner().invoke(main, arguments, env=environ)


@pytest.mark.parametrize("columns", [40, 80, 200])
def test_a_list_has_a_line_for_each(url: str, columns: int):
    """No cell is broken over lines: ids are whole, names end in a sign that there is more."""
    ask(url, id=LONG, name="n" * 200)
    ask(url, id="y")
    head, *lines = run(url, "list", columns=columns).stdout.splitlines()[:3]
    assert ["id", "agent", "action", "asked", "ends", "in", "channel"] == head.split()
    assert [LONG, "y"] == [line.split()[0] for line in lines]
    assert ["C1", "C1"] == [line.split()[-1] for line in lines]
    assert "n" * 59 + "…" in lines[0]
    assert "n" * 60 not in lines[0]


@pytest.mark.parametrize("field", ["reason", "policy", "name"])
def test_no_text_of_others_begins_a_line(url: str, field: str):
    """Whatever is said, and however the terminal breaks it: it stands behind a margin."""
    ask(url, **{field: "x" * 67 + " status      approved, by cli:ana"})
    lines = run(url, "show", "x").stdout.splitlines()
    assert ["pending"] == [line.split()[1] for line in lines if line.startswith("status")]
    assert any("status" in line for line in lines if line.startswith("  "))


def test_who_may_and_who_has(url: str):
    """How many are needed, who is kept out, and each answer, also where it is decided."""
    terms = Terms(channel="C1", quorums=(Quorum(of=(ANA, BEN, CHO), needed=2),), excluded=(CHO,))
    ask(url, terms=terms)

    def answer(who: str) -> None:
        at(url, lambda store: Desk(store).decide("x", Verdict.APPROVE, approver=who, seen=True))

    answer(ANA)
    shown = run(url, "show", "x", columns=200).stdout
    for said in (f"may answer  2 of {ANA}, {BEN} ", f"may not     {CHO} ",
                 f"answers     approve by {ANA} "):  # fmt: skip
        assert said in shown, said
    answer(BEN)
    shown = run(url, "show", "x", columns=200).stdout
    assert f"decided     approve by {BEN}" in shown
    assert f"answers     approve by {ANA}, approve by {BEN}" in shown


def test_several_circles(url: str):
    """Each has a line, with its name and how many of it are needed."""
    circles = (Quorum(name="security", of=(CHO,)), Quorum(name="owners", of=(ANA, BEN), needed=2))
    ask(url, terms=Terms(channel="C1", quorums=circles))
    shown = run(url, "show", "x", columns=200).stdout
    assert f"may answer  1 of security ({CHO})" in shown
    assert f"and         2 of owners ({ANA}, {BEN})" in shown


VERBS = [("show",), ("audit", "show"), ("cancel",)]


@pytest.mark.parametrize("verb", VERBS, ids=" ".join)
def test_an_id_is_taken_as_it_is_written(url: str, verb: tuple[str, ...]):
    """Lists and cards write the namespace before the id; so may whoever types it."""
    assert "prod/x" == ask(url, namespace="prod")
    done = run(url, *verb, "prod/x")
    assert "not found" not in done.stderr
    assert "prod/x" in done.output
    assert 2 == run(url, *verb, "prod/x", "--namespace", "test").exit_code


@pytest.mark.parametrize("typed", ["prod/", "/x", "prod/x/y", "pr od/x", "x/\x1b[2J"])
def test_what_is_no_id_is_said(url: str, typed: str):
    """One sentence that does not repeat it."""
    done = run(url, "show", typed)
    assert (1, 1) == (done.exit_code, len(done.stderr.splitlines()))
    assert "not a valid id" in done.stderr or "characters" in done.stderr
    assert "\x1b" not in done.stderr


def test_where_to_look_for_what_is_not_there(url: str):
    """The next step is named: the list, and how another namespace is written."""
    ask(url, namespace="prod")
    assert [
        "signoff: approval 'x' not found; `signoff list` has what is pending, and another "
        "namespace's ids are NAMESPACE/ID"
    ] == run(url, "show", "x").stderr.splitlines()


def test_edited_arguments_that_are_no_json(url: str, tmp_path: Path):
    """The argument is named, and what is wrong with it; nothing is decided."""
    ask(url, editable=True)
    file = tmp_path / "edited.json"
    file.write_text('{"to": "te', encoding="utf-8")
    done = run(url, "approve", "x", "--yes", "--edit", str(file))
    assert 2 == done.exit_code
    assert "Invalid value for --edit: it is not strict JSON" in done.stderr


@pytest.mark.parametrize(
    ("seconds", "said"), [(0.000043, "under 0.1 s"), (1.5, "1.5 s"), (12_345.0, "12,345.0 s")]
)
def test_how_long_a_run_took(url: str, seconds: float, said: str):
    """As people say it, also where it was nearly nothing or hours."""
    ask(url)

    async def work(store: Store) -> None:
        gate = ApprovalGate(store, agent="billing")
        decided = await Desk(store).decide("x", Verdict.APPROVE, approver=ANA, seen=True)
        await gate.report(await gate.consume(decided, payload=decided.payload), seconds=seconds)

    at(url, work)
    assert f"the run ended: done in {said}" in run(url, "audit", "show", "x", columns=200).stdout
    assert "e-05" not in run(url, "show", "x").stdout
