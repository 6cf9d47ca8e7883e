"""Owns `signoff runs`: which agents' runs stand still, and which of them have their decisions."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack
from typing import Any

import click

from gate import (
    Approval,
    ApprovalStatus,
    Checkpoints,
    ConfigError,
    SnapshotUnsupported,
    StoreCorrupt,
    as_of,
    record_key,
)
from gate.loop import CHECKPOINT_PREFIX, AgentLoopSnapshot, PendingToolCall
from stores import Store, open_checkpoints, open_store

from .facts import foreign_text
from .output import print_json, print_rows

__all__ = ["runs"]

_PAGE = 200


@click.command()
@click.option(
    "--checkpoints",
    "url",
    metavar="URL",
    help="Where agents keep their state, such as file:///folder; by default with the approvals.",
)
@click.option("--limit", default=200, show_default=True, type=click.IntRange(1, 10_000))
@click.option("--json", "as_json", is_flag=True, help="Print JSON, for scripts.")
def runs(*, url: str | None, limit: int, as_json: bool) -> None:
    """List runs of agents that are not finished, and whether they can go on.

    A run is `ready` when each of its open questions has its decision: whoever starts the agent's
    process again lets it go on.
    """

    async def work() -> None:
        async with AsyncExitStack() as stack:
            checkpoints = await _open(url, stack)
            store = await stack.enter_async_context(open_store())
            found = await _unfinished(checkpoints, store, limit=limit)
        if as_json:
            print_json(found)
        else:
            _print(found)

    asyncio.run(work())


async def _open(url: str | None, stack: AsyncExitStack) -> Checkpoints:
    try:
        return await stack.enter_async_context(open_checkpoints(url))
    except ConfigError as error:
        if url and error.setting == "SIGNOFF_REDIS_URL":
            # An address is blamed on the setting that mostly holds it; this one was typed.
            raise ConfigError("--checkpoints", error.reason) from None
        raise


async def _unfinished(
    checkpoints: Checkpoints, store: Store, *, limit: int
) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    after = ""
    while keys := await checkpoints.keys(CHECKPOINT_PREFIX, after=after, limit=_PAGE):
        for key in keys:
            described = await _describe(checkpoints, store, key)
            if described is not None:
                found.append(described)
                if len(found) >= limit:
                    return found
        after = keys[-1]
    return found


async def _describe(checkpoints: Checkpoints, store: Store, key: str) -> dict[str, Any] | None:
    """Return what there is to say about one agent, or `None` if its run has ended."""
    try:
        kept = await checkpoints.load(key)
        if kept is None:
            return None
        snapshot = AgentLoopSnapshot.from_text(kept.text, key=key)
    except (SnapshotUnsupported, StoreCorrupt) as error:
        # Said, and not left out: a run that cannot be read is one that somebody misses.
        return {"agentId": key.removeprefix(CHECKPOINT_PREFIX), "unreadable": error.code}
    run = snapshot.run
    if run is None or not snapshot.unfinished:
        return None
    calls = [await _question(store, call) for call in snapshot.pending_tool_calls or ()]
    return {
        "agentId": snapshot.agent_id,
        "runId": run.id,
        "status": run.status,
        "step": run.step,
        "savedAt": snapshot.saved_at.isoformat(),
        "ready": all(call["decided"] for call in calls),
        "calls": calls,
    }


async def _question(store: Store, call: PendingToolCall) -> dict[str, Any]:
    told: dict[str, Any] = {
        "callId": call.call_id,
        "tool": call.tool_name,
        "requestedAt": call.requested_at.isoformat(),
        "approvalId": call.approval_id,
    }
    status = "not a gate's"
    if call.approval_id is not None:
        record = await _record(store, call.approval_id, call.namespace)
        status = "unknown" if record is None else record.status.value
    return told | {"status": status, "decided": status in _FINAL}


_FINAL = {status.value for status in ApprovalStatus if status is not ApprovalStatus.PENDING}


async def _record(store: Store, approval_id: str, namespace: str | None) -> Approval | None:
    try:
        key = record_key(approval_id, namespace) if namespace else approval_id
        found = await store.get(key)
    except StoreCorrupt:
        return None
    return None if found is None else as_of(found, await store.now())


def _print(found: list[dict[str, Any]]) -> None:
    if not found:
        click.echo("No run is unfinished.")
        return
    rows = []
    for run in found:
        cells = [run["agentId"], "?", f"cannot be read ({run.get('unreadable')})", "", "", ""]
        if "unreadable" not in run:
            calls = run["calls"]
            waiting = [
                f"{call['tool']} ({call['approvalId'] or call['callId']})"
                for call in calls
                if not call["decided"]
            ]
            cells[1:] = [
                run["runId"],
                "ready" if run["ready"] else run["status"],
                str(run["step"]),
                f"{len(calls) - len(waiting)} of {len(calls)}",
                ", ".join(waiting),
            ]
        rows.append([foreign_text(cell) for cell in cells])
    print_rows(("agent", "run", "stands", "step", "decided", "waits for"), rows)
