"""An agent process: `python -m tests.support.agents.agent`, driven by lines, telling lines.

Each line on standard input is a JSON object: a job (`do` is `run`) or a word about one (`go`,
`cancel`). What happens to a job is told on standard output, one JSON object a line with the job's
`job`. The side effect of a run is a line with the process id in the file `<marks>/<approval id>`,
so that runs can be counted from outside, whatever becomes of the process.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import sys
from pathlib import Path
from typing import Any

from gate import Approval, ApprovalGate, SignoffError
from stores import open_store

_TERMS = (
    "expires_in", "reason", "not_by", "policy", "editable", "allow_override", "arguments_schema"
)  # fmt: skip


class _Broken(Exception):
    """What an action that fails fails with; its text must not get anywhere."""


def _say(**line: Any) -> None:
    sys.stdout.write(json.dumps(line) + "\n")
    sys.stdout.flush()


class _Agent:
    """Does jobs, any number at once.

    A job's keys beside `job`, `name` and `payload`: `id` or `run`, the terms of a request, `hold`
    (wait for the word `go` before consuming), `hang` (never end the run) and `fail` (the text of an
    error to end it with).
    """

    def __init__(self, gate: ApprovalGate, *, marks: Path) -> None:
        self._gate = gate
        self._marks = marks
        self._gone: dict[str, asyncio.Event] = {}

    async def take(self, line: dict[str, Any]) -> None:
        job = line["job"]
        go = self._gone.setdefault(job, asyncio.Event())
        try:
            match line["do"]:
                case "run":
                    await self._run(job, line, go)
                case "go":
                    go.set()
                case "cancel":
                    await self._gate.cancel(line["id"], reason=line.get("reason"))
                    _say(job=job, event="withdrawn", id=line["id"])
        except SignoffError as error:
            _say(
                job=job,
                event="refused",
                code=error.code,
                note=getattr(error, "note", None),
                reason=getattr(error, "reason", None),
                pid=os.getpid(),
            )
        except _Broken:
            _say(job=job, event="failed")

    async def _run(self, job: str, line: dict[str, Any], go: asyncio.Event) -> None:
        terms = {key: line[key] for key in _TERMS if key in line}
        name, payload = line["name"], line.get("payload")
        asked = await self._gate.request(
            name=name, payload=payload, id=line.get("id"), run=line.get("run"), **terms
        )
        _say(job=job, event="asked", id=asked.id, status=asked.status.value)
        question = {"id": asked.id, "name": name, "payload": payload} | terms
        if line.get("hold"):
            approved = await self._gate.require(**question)
            _say(job=job, event="approved", id=approved.id)
            await go.wait()
        if line.get("allow_override"):
            approved = await self._gate.require(**question)
            if approved.proposed_result is not None:
                _say(job=job, event="answered", id=approved.id, result=approved.proposed_result)
                return
        async with self._gate.guard(**question) as approval:
            await self._act(job, approval, line)
        _say(job=job, event="done", id=approval.id)

    async def _act(self, job: str, approval: Approval, line: dict[str, Any]) -> None:
        with (self._marks / approval.id).open("a", encoding="utf-8") as file:
            file.write(f"{os.getpid()}\n")
        _say(
            job=job,
            event="ran",
            id=approval.id,
            approver=approval.approver,
            metadata=approval.decision_metadata,
            payload=approval.effective_payload,
        )
        if line.get("hang"):
            await asyncio.Event().wait()
        if line.get("fail"):
            raise _Broken(line["fail"])


async def _main(options: argparse.Namespace) -> None:
    reader = asyncio.StreamReader(limit=2**20)
    await asyncio.get_running_loop().connect_read_pipe(
        lambda: asyncio.StreamReaderProtocol(reader), sys.stdin
    )
    async with (
        open_store(ping_interval=options.ping) as store,
        ApprovalGate(
            store, agent=options.agent, store_patience=options.patience, sweep=options.sweep
        ) as gate,
        asyncio.TaskGroup() as jobs,
    ):
        agent = _Agent(gate, marks=options.marks)
        _say(event="up", pid=os.getpid())
        async for line in reader:
            jobs.create_task(agent.take(json.loads(line)))


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--agent", default="billing")
    parser.add_argument("--marks", type=Path, required=True, help="folder for the side effects")
    parser.add_argument("--patience", type=float, default=30.0, help="with a store that is away")
    parser.add_argument("--sweep", type=float, default=60.0, help="over all that it waits for")
    parser.add_argument("--ping", type=float, default=10.0, help="looks at the listening line")
    return parser.parse_args()


if __name__ == "__main__":
    asyncio.run(_main(_options()))
