"""Owns the verbs over approvals. Who answers is who the operating system says, and nobody else."""

from __future__ import annotations

import asyncio
import contextlib
import os
import pwd
from collections.abc import Awaitable, Callable
from typing import Any

import click

from gate import (
    AlreadyDecided,
    Approval,
    Desk,
    InvalidId,
    NotAllowed,
    Verdict,
    record_key,
)
from stores import Store, key_folder, open_store

from ..deciding import Answers, Attempt, Voter
from ..keyring import open_keyring
from ..slack.ids import cli_principal
from .output import print_approval, print_approvals, print_json

__all__ = ["approve", "cancel", "list_pending", "reject", "show"]

_WHY = {
    "no_keys": "The bot signs its decisions: run this where its keys are, or name their folder "
    "with SIGNOFF_KEYS.",
    "not_approver": "The route of this approval does not list you.",
    "incomplete_view": "You were not shown all of it yet: run `signoff show` first, or leave out "
    "`--yes`.",
}

_json = click.option("--json", "as_json", is_flag=True, help="Print JSON, for scripts.")
_namespace = click.option("--namespace", default="default", show_default=True)
_id = click.argument("approval_id", metavar="ID")


@click.command("list")
@click.option("--limit", default=50, show_default=True, type=click.IntRange(1, 10_000))
@_json
def list_pending(*, limit: int, as_json: bool) -> None:
    """List what is pending, oldest first."""

    async def work(store: Store) -> None:
        keys = await store.pending(limit=limit)
        found = await store.get_many(keys)
        approvals = [record for record in found if isinstance(record, Approval)]
        if as_json:
            print_json([approval.to_wire() for approval in approvals])
        else:
            print_approvals(approvals, now=await store.now(), total=await store.pending_count())

    _with_store(work)


@click.command()
@_id
@_namespace
@_json
def show(*, approval_id: str, namespace: str, as_json: bool) -> None:
    """Show one approval whole: what was asked, who may answer, what became of it.

    Where you may answer it, it goes on record that you were shown all of it.
    """

    async def work(store: Store) -> None:
        desk = _desk(store)
        approval = await desk.get(record_key(approval_id, namespace))
        _print(approval, as_json=as_json)
        if not approval.final and approval.terms is not None:
            with contextlib.suppress(NotAllowed, AlreadyDecided):
                await desk.view(approval.key, principal=_voter().principal, surface="cli")

    _with_store(work)


@click.command()
@_id
@_namespace
@click.option("--note", help="A note for the agent and the thread.")
@click.option("--yes", is_flag=True, help="Do not show it and ask: you ran `show` before.")
@_json
def approve(
    *, approval_id: str, namespace: str, note: str | None, yes: bool, as_json: bool
) -> None:
    """Approve, as the person that the operating system says you are.

    Refused unless the approval's route lists that person as `cli:<login name>`, and unless you were
    shown all of it: here, or by `show` before.
    """

    async def work(store: Store) -> None:
        approval = await _desk(store).get(record_key(approval_id, namespace))
        if not yes:
            print_approval(approval)
            click.confirm("Approve exactly this?", abort=True, err=True)
        await _answer(store, approval, Verdict.APPROVE, seen=not yes, note=note, as_json=as_json)

    _with_store(work)


@click.command()
@_id
@_namespace
@click.option("--reason", help="Told to the agent and the thread.")
@_json
def reject(*, approval_id: str, namespace: str, reason: str | None, as_json: bool) -> None:
    """Reject, as the person that the operating system says you are."""

    async def work(store: Store) -> None:
        approval = await _desk(store).get(record_key(approval_id, namespace))
        await _answer(store, approval, Verdict.DENY, note=reason, as_json=as_json)

    _with_store(work)


@click.command()
@_id
@_namespace
@click.option("--reason", help="Told to the agent and the thread.")
@_json
def cancel(*, approval_id: str, namespace: str, reason: str | None, as_json: bool) -> None:
    """Withdraw a pending approval: the action will not run, and nobody said no."""

    async def work(store: Store) -> None:
        key = record_key(approval_id, namespace)
        _print(
            await _desk(store).cancel(key, by=_voter().principal, reason=reason), as_json=as_json
        )

    _with_store(work)


async def _answer(
    store: Store,
    approval: Approval,
    verdict: Verdict,
    *,
    seen: bool = False,
    note: str | None,
    as_json: bool,
) -> None:
    attempt = Attempt(_voter(), surface="cli")
    answer = await Answers(_desk(store)).answer(approval, attempt, verdict, seen=seen, note=note)
    if answer.refused is not None:
        if isinstance(answer.refused, NotAllowed) and answer.refused.reason in _WHY:
            click.echo(_WHY[answer.refused.reason], err=True)
        raise answer.refused
    if answer.approval is not None:
        _print(answer.approval, as_json=as_json)


def _desk(store: Store) -> Desk:
    """Return the desk, which signs where the operator's keys are; elsewhere it can only withdraw.

    Raises:
        ConfigError: There are keys, and they cannot be read.
    """
    environ = os.environ  # noqa: TID251  (a composition root)
    folder = key_folder(environ, create=False)
    if not folder.exists():
        return Desk(store)
    ring = open_keyring(folder, create=False)
    given = environ.get("SIGNOFF_SECRET", "")
    return Desk(store, notary=ring.notary(given.encode() if given else None))


def _voter() -> Voter:
    """Return the real user of the process: not a variable that anybody can set, not a flag."""
    try:
        name = pwd.getpwuid(os.getuid()).pw_name
    except KeyError:
        raise InvalidId(field="login name", reason="the system has none for this user") from None
    return Voter(principal=cli_principal(name))


def _print(approval: Approval, *, as_json: bool) -> None:
    if as_json:
        print_json(approval.to_wire())
    else:
        print_approval(approval)


def _with_store(work: Callable[[Store], Awaitable[Any]]) -> None:
    async def run() -> None:
        async with open_store() as store:
            await work(store)

    asyncio.run(run())
