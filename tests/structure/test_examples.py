"""The examples run, on a real server, while somebody answers."""

from __future__ import annotations

import asyncio
import subprocess
import sys

import pytest

from examples import blocking, decorator, durable_steps, executor, quickstart

from .checkout import ROOT, modules
from .conftest import Person

RUN_ELSEWHERE = {
    "durable_agent": "tests/scenarios/test_durable_agent.py",
    "own_store": "tests/stores/test_own_store.py",
    "gallery": "make gallery",
    "policy": "tests/gate/policy/test_example.py",
    "verify_receipt": "tests/gate/test_receipt_by_hand.py",
}


async def test_quickstart(person: Person, capsys: pytest.CaptureFixture[str]):
    """One block, three steps, a run: all approved."""
    await quickstart.main()
    assert capsys.readouterr().out.splitlines() == [
        "deleted 42, approved by cli:ana",
        "deleted 43, approved by cli:ana",
        "may delete 44, says cli:ana",
        "may delete 45, says cli:ana",
    ]


async def test_quickstart_hears_a_no(person: Person, capsys: pytest.CaptureFixture[str]):
    """Denied, the first two keep the user; the third raises."""
    person.answer = "deny"
    with pytest.raises(PermissionError):
        await quickstart.main()
    assert capsys.readouterr().out.splitlines() == [
        "kept 42: approval_denied",
        "kept 43: rejected",
    ]


async def test_decorator(person: Person, capsys: pytest.CaptureFixture[str]):
    """The arguments become the payload, the function's name the action's."""
    await decorator.main()
    assert person.asked == ["refund", "ship-it"]
    assert capsys.readouterr().out.splitlines() == [
        "refunded 1250 EUR for A-1009",
        "deployed checkout 2.14.0",
    ]


async def test_decorator_hears_a_no(person: Person, capsys: pytest.CaptureFixture[str]):
    """The reason reaches the caller."""
    person.answer = "deny"
    await decorator.main()
    assert capsys.readouterr().out == "cli:ana said no: as agreed\n"


@pytest.mark.parametrize(
    ("answer", "told"),
    [("approve", "dropped, approved by cli:ana\n"), ("skip", "kept: approval_skipped\n")],
)
async def test_blocking(person: Person, capsys: pytest.CaptureFixture[str], answer: str, told: str):
    """A script blocks until the answer comes."""
    person.answer = answer
    await asyncio.to_thread(blocking.main)
    assert capsys.readouterr().out == told


async def test_executor(
    person: Person, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
):
    """Another amount is refused, the approved one is paid, and paid once."""
    monkeypatch.setenv("SIGNOFF_PUBLIC_KEYS", str(person.key.public))
    await executor.main()
    assert capsys.readouterr().out.splitlines() == [
        "refused: digest_mismatch",
        "paid",
        "refused: already_consumed",
    ]


async def test_executor_needs_keys(person: Person, capsys: pytest.CaptureFixture[str]):
    """It does not start where it could not verify, and says what is missing."""
    await executor.main()
    assert "SIGNOFF_PUBLIC_KEYS" in capsys.readouterr().out


async def test_durable_steps(person: Person, capsys: pytest.CaptureFixture[str]):
    """The second process asks nobody and pays nothing."""
    for _ in range(2):
        await durable_steps.main()
    assert person.asked == ["pay"]
    assert capsys.readouterr().out.splitlines() == [
        "asking for the price",
        "paying 125000 cents",
        "paid: receipt of order-1009",
        "paid: receipt of order-1009",
    ]


def test_every_example_is_run():
    """No example lies about untested."""
    tested = {"quickstart", "decorator", "blocking", "executor", "durable_steps"}
    assert {module.path.stem for module in modules("examples")} == tested | set(RUN_ELSEWHERE)


def test_examples_do_nothing_when_imported():
    """Importing the gallery, which is only run by hand, starts nothing and needs no browser."""
    done = subprocess.run(
        [sys.executable, "-c", "import examples.gallery as g; print(len(g.STATES))"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout == "21\n"
