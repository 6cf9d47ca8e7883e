"""`signoff audit`: what is sealed can be handed out, checked by anyone, and told."""

from __future__ import annotations

import json
import shutil
import stat
import subprocess
import sys
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from bot.cli import main
from gate import (
    UNCHANGED,
    ApprovalAlarm,
    ApprovalGate,
    ApprovalStatus,
    AuditHead,
    Desk,
    Notary,
    Quorum,
    SigningKey,
    Terms,
    seal_events,
    verify_audit,
)
from stores import Store
from tests.support.servers import RedisServer
from tests.support.stores import at
from tests.support.waiting import wait_until

ANA, BEN = "cli:ana", "cli:ben"
KEY = SigningKey.generate()
POLICY = """\
version = 1
[approval]
require_for = ["*"]
max_age_seconds = 86400
"""
HOSTILE = "because\x1b[2J\u202e [bold]x[/bold]\r\n1 entry whole"


def run(url: str, *arguments: str, given: bytes | None = None) -> Result:
    environ = {"SIGNOFF_REDIS_URL": url, "COLUMNS": "400", "NO_COLOR": "1"}
    return CliRunner().invoke(main, ("audit", *arguments), input=given, env=environ)


async def seal(store: Store, *, limit: int = 1000) -> AuditHead:
    head = await store.audit_head()
    entries = seal_events(await store.unsealed(head.cursor, limit=limit), head)
    assert await store.seal(head, entries)
    return await store.audit_head()


class Stage:
    """Plays approvals from the request to the end, as agent and bot do."""

    def __init__(self, store: Store) -> None:
        notary = Notary(KEY, secret=b"s" * 32, use_within=timedelta(hours=1))
        self.desk = Desk(store, notary=notary)
        self.gate = ApprovalGate(store, agent="billing", public_keys=[KEY.public])

    async def ask(self, approval_id: str, *, route: bool = True, **fields: Any) -> Any:
        asked_for = {"name": "delete-user", "payload": {"secret": "hunter2", "id": approval_id}}
        asked = await self.gate.request(id=approval_id, **(asked_for | fields))
        if route:
            of = Quorum(name="owners", of=(ANA, BEN))
            await self.desk.route(asked.key, Terms(channel="C1", quorums=(of,)))
        return asked

    async def decide(self, key: str, verdict: str = "approve", **options: Any) -> None:
        await self.desk.view(key, principal=ANA, surface="cli")
        options = {"payload": UNCHANGED} | options
        await self.desk.decide(key, verdict, approver=ANA, surface="cli", **options)

    async def run(self, approval_id: str, *, payload: Any = None, error: str | None = None) -> None:
        approval = await self.gate.get(approval_id)
        await self.gate.consume(
            approval, payload=approval.effective_payload, operation_id=f"op-{approval_id}"
        )
        await self.gate.report(approval_id, seconds=1.5, error=error)


async def play(store: Store) -> None:
    """One of every end that an approval can have."""
    stage = Stage(store)
    for name in ("ran", "failed", "edited", "unused", "overridden", "denied", "skipped"):
        options = {"edited": {"editable": True}, "overridden": {"allow_override": True}}
        await stage.ask(name, **options.get(name, {}))
    for name in ("ran", "failed", "unused"):
        await stage.decide(name, note=HOSTILE)
    await stage.decide("edited", payload={"id": "edited by Ana"})
    await stage.decide("overridden", override_result="never mind")
    await stage.decide("denied", "deny", note="not on a Friday")
    await stage.decide("skipped", "skip")
    await stage.run("ran")
    await stage.run("failed", error="ValueError")
    await stage.run("edited")
    await stage.ask("cancelled")
    await stage.desk.cancel("cancelled", by=ANA, reason="no longer needed")
    await stage.ask("undeliverable", route=False)
    await stage.desk.cancel("undeliverable", undeliverable="no_route")
    await stage.ask("expired", route=False, expires_in=0.001)

    async def is_over() -> bool:
        return (await stage.desk.get("expired")).status is ApprovalStatus.EXPIRED

    await wait_until(is_over, "its end has come")
    await stage.desk.expire("expired")
    await stage.ask("again", payload={"secret": "hunter2", "id": "denied"})
    await stage.decide("again")
    await stage.run("again")
    both = Quorum(name="owners", of=(ANA, BEN), needed=2)
    await stage.ask("amended", editable=True, route=False)
    await stage.desk.route("amended", Terms(channel="C1", quorums=(both,)))
    await stage.decide("amended", payload={"id": "edited by Ana"})
    for who, payload in ((BEN, {"id": "edited by Ben"}), (ANA, UNCHANGED)):
        shown = await stage.desk.get("amended")
        await stage.desk.decide(
            "amended",
            "approve",
            approver=who,
            seen=True,
            payload=payload,
            shown=shown,
            surface="cli",
        )
    await stage.run("amended")
    await stage.desk.refuse("ran", reason="not_approver", principal="slack:T1:UEVE", surface="card")
    await stage.desk.refuse("no-such", reason="not_found", principal=None, surface="card")
    await store.append(
        [ApprovalAlarm(id="ran", at=(await stage.gate.get("ran")).created_at, part="votes")]
    )
    await stage.ask("pending")


@pytest.fixture
def played(url: str) -> str:
    at(url, play)
    at(url, seal)
    return url


def test_a_whole_chain(played: str):
    """Exit code 0, the number of entries and the head in one line; the same as JSON."""
    done = run(played, "verify")
    head = at(played, lambda store: store.audit_head())
    assert 0 == done.exit_code, done.output
    assert f"{head.number} entries whole; head: {head}\n" == done.stdout
    told = json.loads(run(played, "verify", "--json").stdout)
    assert (True, None, 0) == (told["whole"], told["broken"], told["unsealed"])
    assert {"number": head.number, "hash": head.hash} == told["head"]


def test_unsealed_events_are_a_warning(played: str):
    """What waits to be sealed is counted: exit code 1."""
    at(played, lambda store: Stage(store).ask("later"))
    done = run(played, "verify")
    assert 1 == done.exit_code
    assert "2 not sealed yet" in done.stdout


def test_an_empty_store(url: str):
    """Nothing is whole too; nothing is handed out, and nothing is told."""
    assert (0, "0 entries whole") == (run(url, "verify").exit_code, run(url, "verify").stdout[:15])
    assert (0, "") == (run(url, "export").exit_code, run(url, "export").stdout)
    assert (0, "") == (
        run(url, "export", "--format", "agentack").exit_code,
        run(url, "export", "--format", "agentack").stdout,
    )
    assert 1 == run(url, "show", "x").exit_code


def test_an_export_verifies_anywhere(played: str, tmp_path: Path):
    """Into a file that only its owner can read; checked without a store, also from a pipe."""
    file = tmp_path / "audit.jsonl"
    done = run(played, "export", "--out", str(file))
    assert (0, "") == (done.exit_code, done.stdout)
    assert 0o600 == stat.S_IMODE(file.stat().st_mode)
    assert [file] == list(tmp_path.iterdir())
    exported = file.read_bytes()
    assert exported == run(played, "export").stdout_bytes
    head = at(played, lambda store: store.audit_head())
    assert verify_audit(exported.decode().splitlines(), head).whole
    nowhere = "redis://127.0.0.1:1"
    assert 0 == run(nowhere, "verify", str(file), "--head", str(head)).exit_code
    assert 0 == run(nowhere, "verify", "-", given=exported).exit_code


def test_an_export_that_cannot_be_written(played: str, tmp_path: Path):
    """What stood there before stays, and nothing half is left."""
    there = tmp_path / "audit.jsonl"
    there.write_text("kept")
    assert 1 == run("redis://127.0.0.1:1", "export", "--out", str(there)).exit_code
    assert 1 == run(played, "export", "--out", str(tmp_path / "no/such")).exit_code
    assert "kept" == there.read_text()
    assert [there] == list(tmp_path.iterdir())


BREAKS: dict[str, tuple[Callable[[list[bytes]], list[bytes]], str, int, int]] = {
    "edited": (lambda n: [*n[:4], n[4].replace(b"billing", b"Billing"), *n[5:]], "edited", 5, 5),
    "removed": (lambda n: [*n[:4], *n[5:]], "removed", 5, 5),
    "swapped": (lambda n: [*n[:4], n[5], n[4], *n[6:]], "reordered", 5, 5),
    "inserted": (lambda n: [*n[:4], n[0], *n[4:]], "inserted", 1, 5),
    "beheaded": (lambda n: n[1:], "removed", 1, 1),
    "garbage": (lambda n: [*n[:2], b"\xff{" * 90_000 + b"\n", *n[2:]], "unreadable", 3, 3),
    "cut line": (lambda n: [*n[:7], n[7][:30]], "unreadable", 8, 8),
    "cut tail": (lambda n: n[:-1], "cut", 0, 0),
}


@pytest.mark.parametrize("how", BREAKS)
def test_a_broken_file_is_named(played: str, tmp_path: Path, how: str):
    """Exit code 2, and the first broken entry with its line and why; the tail against the head."""
    lines = run(played, "export").stdout_bytes.splitlines(keepends=True)
    change, why, entry, line = BREAKS[how]
    (tmp_path / "audit.jsonl").write_bytes(b"".join(change(lines)))
    head = str(at(played, lambda store: store.audit_head()))
    given = ("verify", str(tmp_path / "audit.jsonl"), "--head", head)
    done = run(played, *given)
    assert 2 == done.exit_code
    assert f"BROKEN ({why})" in done.stdout
    broken = json.loads(run(played, *given, "--json").stdout)["broken"]
    if how == "cut tail":
        entry = line = len(lines)
        assert 0 == run(played, *given[:2]).exit_code
    assert (why, entry, line) == (broken["why"], broken["entry"], broken["line"])


def test_a_broken_store_is_named(played: str, server: RedisServer):
    """An entry that somebody took out of Redis, or changed there, is named."""
    server.ask("XDEL", "signoff:{0}:audit", "7-0")
    done = run(played, "verify")
    assert 2 == done.exit_code
    assert "entry 7 is missing" in done.stdout
    done = run(played, "export", "--format", "agentack")
    assert (2, "") == (done.exit_code, done.stdout)
    assert 2 == run(played, "export").exit_code


def test_a_cut_chain_in_the_store(played: str, server: RedisServer):
    """Whoever takes the end away is found out by the head in the thread."""
    head = at(played, lambda store: store.audit_head())
    server.ask("XDEL", "signoff:{0}:audit", f"{head.number}-0")
    done = run(played, "verify", "--head", str(head))
    assert 2 == done.exit_code
    assert "(cut)" in done.stdout


@pytest.mark.parametrize("head", ["", "audit 3", "xyz", "9f3a 77c2"])
def test_what_is_no_head(url: str, head: str):
    """A head that cannot be read is a mistake, and no proof of anything."""
    done = run(url, "verify", "--head", head)
    assert 2 == done.exit_code
    assert "--head" in done.stderr


def test_a_story(played: str):
    """Who asked, who was asked, views, votes with reasons, refusals, receipt, run and outcome."""
    shown = run(played, "show", "ran").stdout
    for part in (
        "billing asked to run delete-user", "1 of owners (cli:ana, cli:ben)", "asked in C1",
        "cli:ana was shown all of it (cli)", "decided: approve, with the answer of cli:ana",
        f"receipt by key {KEY.public.id}", "billing took the one run, operation op-ran",
        "done in 1.5 s", "slack:T1:UEVE tried to answer (card) and was refused: not_approver",
        "ALARM: somebody else wrote the votes",
    ):  # fmt: skip
        assert part in shown, part
    assert "not on a Friday" in run(played, "show", "denied").stdout
    assert "hunter2" not in shown + run(played, "show", "failed").stdout
    assert "failed with ValueError" in run(played, "show", "failed").stdout
    for name in ("cancelled", "undeliverable", "expired", "skipped", "pending"):
        done = run(played, "show", name)
        assert (0, False) == (done.exit_code, "not bear this out" in " ".join(done.stdout.split()))
    assert "refused: not_found" in run(played, "show", "no-such").stdout


def test_a_story_fools_nobody(played: str):
    """Foreign text comes with every character visible, in one line of the table."""
    shown = run(played, "show", "ran").stdout
    assert "[bold]x[/bold]" in shown
    for hidden in ("\x1b", "\u202e", "\r"):
        assert hidden not in shown
    assert not any(line.startswith("1 entry whole") for line in shown.splitlines())


def test_a_story_as_json(played: str):
    """Record, sealed entries with number and hash, and what is not sealed yet."""
    at(played, lambda store: Stage(store).desk.cancel("pending", by=ANA))
    told = json.loads(run(played, "show", "pending", "--json").stdout)
    assert ["onApprovalRequested", "onApprovalRouted"] == [
        each["event"]["type"] for each in told["sealed"]
    ]
    assert ["onApprovalCancelled"] == [each["type"] for each in told["unsealed"]]
    assert ("pending", "cancelled") == (told["approval"], told["record"]["status"])
    assert KEY.public.id == json.loads(run(played, "show", "ran", "--json").stdout)["receiptKey"]
    secret = {"id": "mail", "name": "set-up-mail", "payload": {"password": "correct-horse"}}
    at(played, lambda store: ApprovalGate(store, agent="billing").request(**secret))
    shown = run(played, "show", "mail", "--json").stdout
    assert ["/password"] == json.loads(shown)["record"]["masked"]
    assert "correct-horse" not in shown


def test_agentack_passes(played: str, tmp_path: Path):
    """`agentack check`, which knows nothing of us, finds every approval enforced to its end."""
    trace = tmp_path / "trace.jsonl"
    done = run(played, "export", "--format", "agentack", "--out", str(trace))
    assert 0 == done.exit_code
    assert "1 still pending, left out" in done.stderr
    assert "hunter2" not in trace.read_text()
    events = [json.loads(line) for line in trace.read_text().splitlines()]
    ran = {each["action_id"] for each in events if each["type"] == "action_executed"}
    assert {"ran", "failed", "edited#edited", "amended#edited-2", "again"} == ran
    code, report = agentack(trace, tmp_path)
    assert (0, "PASS", []) == (code, report["result"]["status"], report["result"]["findings"])


FORGERIES: dict[str, tuple[Callable[[dict[str, Any]], bool], dict[str, Any], str]] = {
    "another action ran": (
        lambda each: each["type"] == "action_executed",
        {"action": {"tool": "delete-user", "operation": "run", "parameters": {"sha256": "0"}}},
        "ACK003",
    ),
    "it was denied": (
        lambda each: each["type"] == "approval_decision" and each["action_id"] == "ran",
        {"decision": "deny"},
        "ACK002",
    ),
    "it was used too late": (
        lambda each: each["type"] == "approval_decision" and each["action_id"] == "ran",
        {"expires_at": "2020-01-01T00:00:00Z"},
        "ACK005",
    ),
}


@pytest.mark.parametrize("how", FORGERIES)
def test_agentack_would_find_it(played: str, tmp_path: Path, how: str):
    """The trace says enough that a wrong run fails the check."""
    fits, change, rule = FORGERIES[how]
    lines = run(played, "export", "--format", "agentack").stdout.splitlines()
    trace = tmp_path / "trace.jsonl"
    events = [each | change if fits(each) else each for each in map(json.loads, lines)]
    trace.write_text("".join(json.dumps(each) + "\n" for each in events))
    code, report = agentack(trace, tmp_path)
    assert (1, "FAIL") == (code, report["result"]["status"])
    assert rule in report["result"]["rule_counts"]


def agentack(trace: Path, folder: Path) -> tuple[int, dict[str, Any]]:
    """Run `agentack check` as an auditor would."""
    (folder / "policy.toml").write_text(POLICY)
    command = shutil.which("agentack", path=str(Path(sys.executable).parent))
    assert command, "agentack is missing: pip install agentack"
    done = subprocess.run(
        [command, "check", str(trace), "--policy", str(folder / "policy.toml"),
         "--json", str(folder / "report.json")],
        capture_output=True, text=True, check=False, timeout=60,
    )  # fmt: skip
    assert (folder / "report.json").exists(), done.stdout + done.stderr
    return done.returncode, json.loads((folder / "report.json").read_text())
