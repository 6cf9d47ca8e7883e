"""The audit is complete (P20): everything is sealed, told with its head, and checked by others."""

from __future__ import annotations

import asyncio
import json
import shutil
import sys
from pathlib import Path

from bot.sandbox import SandboxClient
from stores import Store
from tests.scenarios.reading import APPROVE, card, fresh, until_thread
from tests.support.house import CHANNEL, Agent, House
from tests.support.waiting import wait_until

POLICY = 'version = 1\n[approval]\nrequire_for = ["*"]\nmax_age_seconds = 86400\n'


async def test_a_closed_approval_tells_the_head_that_proves_it(
    house: House, agent: Agent, slack: SandboxClient, store: Store, tmp_path: Path
):
    """The thread's last reply carries a head; verify takes it, and AgentAck finds nothing wrong."""
    name = fresh("delete-user")
    agent.ask(name, {"user_id": 42})
    ts = await card(slack, name)
    await slack.click("U0ANA", channel=CHANNEL, ts=ts, action_id=APPROVE)
    await agent.tells(name, "done")
    thread = await until_thread(slack, ts, "Asked", "Approved", "started", "done")
    assert ["audit" in reply for reply in thread] == [False, False, False, True]
    head = thread[-1][thread[-1].index("audit ") :]

    async def all_sealed() -> bool:
        return await store.unsealed_count() == 0

    await wait_until(all_sealed, "everything is sealed")
    verified = await house.command("audit", "verify", "--head", head, "--json")
    assert 0 == verified.code, verified
    told = json.loads(verified.out)
    assert told["whole"]
    assert int(head.split()[1]) <= told["entries"]
    trace = tmp_path / "trace.jsonl"
    exported = await house.command("audit", "export", "--format", "agentack", "--out", str(trace))
    assert 0 == exported.code, exported
    (tmp_path / "policy.toml").write_text(POLICY)
    command = shutil.which("agentack", path=str(Path(sys.executable).parent))
    assert command, "agentack is missing: pip install agentack"
    process = await asyncio.create_subprocess_exec(
        command, "check", str(trace), "--policy", str(tmp_path / "policy.toml"),
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
    )  # fmt: skip
    out, _ = await process.communicate()
    assert 0 == process.returncode, out.decode()
