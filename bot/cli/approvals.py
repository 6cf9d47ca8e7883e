"""Owns the verbs over approvals. Who answers is who the operating system says, and nobody else."""

from __future__ import annotations

import asyncio
import contextlib
import os
import pwd
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import click

from gate import (
    UNCHANGED,
    AlreadyDecided,
    Approval,
    Desk,
    InvalidId,
    NotAllowed,
    Offer,
    Tampered,
    Verdict,
)
from stores import Store, key_folder, open_store

from ..deciding import Answer, Answers, Attempt, Voter
from ..keyring import open_keyring
from ..masking import Masking, spots_of
from ..proof import Proof
from ..settings import read_masking
from ..slack.ids import cli_principal
from .edits import read_edit
from .named import ANYWHERE, checked_id, named_key, typed_id
from .output import print_approval, print_approvals, print_json, print_proposal
from .proofs import print_proofs

__all__ = ["approve", "cancel", "list_pending", "reject", "show", "skip"]

_WHY = {
    "no_keys": "The bot signs its decisions: run this where its keys are, or name their folder "
    "with SIGNOFF_KEYS.",
    "not_approver": "The route of this approval does not list you.",
    "incomplete_view": "You were not shown all of it yet: run `signoff show` first, or leave out "
    "`--yes`. What is masked is shown with `--reveal`.",
    "reveal_forbidden": "The route of this approval reveals nothing that is masked; it can only be "
    "rejected.",
    "stale_card": "Somebody changed the request while you looked: run `signoff show` again.",
    "edit_not_allowed": "The agent does not let its arguments be edited here, or the route does "
    "not list `edit` among its answers.",
    "override_not_allowed": "The agent takes no answer in place of the run here, or the route does "
    "not list `override` among its answers.",
    "skip_not_allowed": "The route of this approval does not list `skip` among its answers.",
}

_json = click.option("--json", "as_json", is_flag=True, help="Print JSON, for scripts.")
_reveal = click.option(
    "--reveal", is_flag=True, help="Show what looks like a secret; that goes on record."
)
_namespace = click.option("--namespace", default=ANYWHERE, show_default=True, callback=checked_id)
_id = click.argument("approval_id", metavar="ID", callback=typed_id)


@click.command("list")
@click.option("--limit", default=50, show_default=True, type=click.IntRange(1, 10_000))
@_json
@_reveal
def list_pending(*, limit: int, as_json: bool, reveal: bool) -> None:
    """List what is pending, oldest first."""

    async def work(store: Store) -> None:
        keys = await store.pending(limit=limit)
        found = await store.get_many(keys)
        approvals = [record for record in found if isinstance(record, Approval)]
        desk = _Place(store)
        proved = [(each, desk.proof(each)) for each in approvals]
        if as_json:
            print_json([await desk.wire(each, reveal=reveal) for each in approvals])
            print_proofs(proved)
        else:
            now, total = await store.now(), await store.pending_count()
            print_approvals(proved, masking=desk.masking, now=now, total=total)

    _with_store(work)


@click.command()
@_id
@_namespace
@_json
@_reveal
def show(*, approval_id: str, namespace: str, as_json: bool, reveal: bool) -> None:
    """Show one approval whole: what was asked, who may answer, what became of it.

    With the bot's keys it says whether the bot wrote that; exit code 1 if somebody else did. Where
    you may answer it, it goes on record that you were shown all of it. What looks like a secret is
    masked; `--reveal` shows it to those who may answer, which goes on record too.
    """

    async def work(store: Store) -> None:
        place = _Place(store)
        approval = await place.desk.get(named_key(approval_id, namespace))
        seen = await place.show(approval, as_json=as_json, reveal=reveal)
        proof = place.proof(approval)
        if proof is not None and proof.flaw is not None:
            # Shown all the same, as what it is; nobody has seen an approval by that.
            raise Tampered(approval.key, part=proof.flaw)
        if seen and not approval.final and approval.terms is not None:
            with contextlib.suppress(NotAllowed, AlreadyDecided):
                await place.desk.view(
                    approval.key,
                    principal=_voter().principal,
                    surface="cli",
                    shown=approval,
                )

    _with_store(work)


@click.command()
@_id
@_namespace
@click.option("--note", help="A note for the agent and the thread.")
@click.option("--yes", is_flag=True, help="Do not show it and ask: you ran `show` before.")
@click.option(
    "--edit",
    type=click.Path(exists=True, dir_okay=False, readable=True, allow_dash=True),
    metavar="FILE",
    help="Approve with these arguments instead, as JSON; `-` is standard input, with --yes.",
)
@click.option("--answer", metavar="TEXT", help="Approve this result in place of the run.")
@_json
@_reveal
def approve(
    *,
    approval_id: str,
    namespace: str,
    note: str | None,
    yes: bool,
    edit: str | None,
    answer: str | None,
    as_json: bool,
    reveal: bool,
) -> None:
    """Approve, as the person that the operating system says you are.

    Refused unless the approval's route lists that person as `cli:<login name>`, and unless you were
    shown all of it: here, or by `show` before; where something is masked, with `--reveal`.

    Where agent and route allow it, the arguments can be edited, or a result given in place of the
    run. If more people are needed, they are then asked about that.
    """
    if edit is not None and answer is not None:
        raise click.UsageError("--edit and --answer exclude each other")
    if edit == "-" and not yes:
        raise click.UsageError("`--edit -` needs --yes: your yes cannot come from there too")

    async def work(store: Store) -> None:
        place = _Place(store)
        approval = await place.desk.get(named_key(approval_id, namespace))
        if not yes:
            # Nobody reads it all and says yes to learn only then that they may not.
            await _admit(place, approval, _further(edit, answer))
        payload = UNCHANGED if edit is None else read_edit(edit, approval)
        seen = False
        if not yes:
            seen = await place.show(approval, as_json=False, reveal=reveal)
            if payload is not UNCHANGED or answer is not None:
                print_proposal(approval, payload, answer)
            click.confirm("Approve exactly this?", abort=True, err=True)
        await _answer(
            place,
            approval,
            Verdict.APPROVE,
            seen=seen,
            note=note,
            as_json=as_json,
            payload=payload,
            override_result=answer,
        )

    _with_store(work)


@click.command()
@_id
@_namespace
@click.option("--reason", help="Told to the agent and the thread.")
@_json
def reject(*, approval_id: str, namespace: str, reason: str | None, as_json: bool) -> None:
    """Reject, as the person that the operating system says you are."""

    async def work(store: Store) -> None:
        place = _Place(store)
        approval = await place.desk.get(named_key(approval_id, namespace))
        await _answer(place, approval, Verdict.DENY, note=reason, as_json=as_json)

    _with_store(work)


@click.command()
@_id
@_namespace
@click.option("--reason", help="Told to the agent and the thread.")
@_json
def skip(*, approval_id: str, namespace: str, reason: str | None, as_json: bool) -> None:
    """Let the agent go on without the action, as the person that the operating system says you are.

    Refused unless the approval's route lists `skip` among its answers.
    """

    async def work(store: Store) -> None:
        place = _Place(store)
        approval = await place.desk.get(named_key(approval_id, namespace))
        await _answer(place, approval, Verdict.SKIP, note=reason, as_json=as_json)

    _with_store(work)


@click.command()
@_id
@_namespace
@click.option("--reason", help="Told to the agent and the thread.")
@_json
def cancel(*, approval_id: str, namespace: str, reason: str | None, as_json: bool) -> None:
    """Withdraw a pending approval: the action will not run, and nobody said no."""

    async def work(store: Store) -> None:
        key = named_key(approval_id, namespace)
        place = _Place(store)
        cancelled = await place.desk.cancel(key, by=_voter().principal, reason=reason)
        await place.show(cancelled, as_json=as_json)

    _with_store(work)


class _Place:
    """Where a person sits at the command line: the desk, and what masks secrets.

    The desk signs where the operator's keys are; elsewhere it can only withdraw.

    Raises:
        ConfigError: There are keys, or a file of settings, and they cannot be read.
    """

    def __init__(self, store: Store) -> None:
        environ = os.environ  # noqa: TID251  (a composition root)
        rules = read_masking(environ, directory=Path.cwd())
        folder = key_folder(environ, create=False)
        secret: bytes | None = None
        self.desk = Desk(store)
        self._keyed = folder.exists()
        if self._keyed:
            ring = open_keyring(folder, create=False)
            secret = environ.get("SIGNOFF_SECRET", "").encode() or ring.secret
            self.desk = Desk(store, notary=ring.notary(secret))
        self.masking = Masking(keys=rules.keys, shapes=rules.shapes, secret=secret)

    async def show(self, approval: Approval, *, as_json: bool, reveal: bool = False) -> bool:
        """Print *approval*; return whether all of it was shown.

        Raises:
            NotAllowed: It may not be revealed to this person; nothing is printed.
        """
        masked = self._masked(approval)
        if masked and reveal:
            await self._note(approval)
        if as_json:
            wire = approval.to_wire() if reveal else self.masking.wire(approval)
            print_json(wire)
            print_proofs([(approval, self.proof(approval))])
        else:
            masking = None if reveal else self.masking
            print_approval(approval, masking=masking, proof=self.proof(approval))
        return reveal or not masked

    def proof(self, approval: Approval) -> Proof | None:
        """Return what the bot's keys say of *approval*; `None` where they are not here."""
        return Proof(flaw=self.desk.flaw(approval)) if self._keyed else None

    async def wire(self, approval: Approval, *, reveal: bool) -> dict[str, Any]:
        """Return *approval* for scripts, masked unless it may be revealed to this person."""
        if reveal:
            with contextlib.suppress(NotAllowed):
                if self._masked(approval):
                    await self._note(approval)
                return approval.to_wire()
        return self.masking.wire(approval)

    def _masked(self, approval: Approval) -> bool:
        texts = (approval.name, approval.agent, approval.proposed_result or "")
        return any(spots_of(self.masking.payload(approval.effective_payload))) or any(
            self.masking.prose(text) != text for text in texts
        )

    async def _note(self, approval: Approval) -> None:
        spots = spots_of(self.masking.payload(approval.effective_payload))
        paths = [spot.path for spot in spots] or [""]
        who = _voter().principal
        await self.desk.reveal(approval.key, principal=who, paths=paths, surface="cli")


async def _answer(
    place: _Place,
    approval: Approval,
    verdict: Verdict,
    *,
    seen: bool = False,
    note: str | None,
    as_json: bool,
    payload: Any = UNCHANGED,
    override_result: str | None = None,
) -> None:
    answer = await Answers(place.desk).answer(
        approval,
        Attempt(_voter(), surface="cli"),
        verdict,
        seen=seen,
        note=note,
        payload=payload,
        override_result=override_result,
    )
    _accept(answer)
    if answer.approval is not None:
        await place.show(answer.approval, as_json=as_json)


async def _admit(place: _Place, approval: Approval, further: Offer | None) -> None:
    """Refuse, on record, whoever may not give that answer as things stand."""
    attempt = Attempt(_voter(), surface="cli")
    _accept(await Answers(place.desk).admit(approval, attempt, further=further))


def _further(edit: str | None, answer: str | None) -> Offer | None:
    if edit is not None:
        return "edit"
    return None if answer is None else "override"


def _accept(answer: Answer) -> None:
    """Raise what an answer was refused with, and say what can be done about it."""
    if answer.refused is None:
        return
    if isinstance(answer.refused, NotAllowed) and answer.refused.reason in _WHY:
        click.echo(_WHY[answer.refused.reason], err=True)
    raise answer.refused


def _voter() -> Voter:
    """Return the real user of the process: not a variable that anybody can set, not a flag."""
    try:
        name = pwd.getpwuid(os.getuid()).pw_name
    except KeyError:
        raise InvalidId(field="login name", reason="the system has none for this user") from None
    return Voter(principal=cli_principal(name))


def _with_store(work: Callable[[Store], Awaitable[Any]]) -> None:
    async def run() -> None:
        async with open_store() as store:
            await work(store)

    asyncio.run(run())
