"""Owns the words for what the bot's keys say of a record, at the command line."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import click
from rich.text import Text

from gate import Approval, ApprovalStatus

from ..proof import Proof
from ..slack.text import visible

__all__ = ["NOT_VERIFIED", "channel_text", "print_proofs", "proof_text", "status_text"]

NOT_VERIFIED: Final = "not verified: the bot's keys are not here; SIGNOFF_KEYS names their folder"
"""Where nobody could vouch for a record."""
_FORGED: Final = "somebody else wrote its {part}; no gate with the bot's public key runs it"
_COLOURS = {
    ApprovalStatus.PENDING: "yellow",
    ApprovalStatus.APPROVED: "green",
    ApprovalStatus.REJECTED: "red",
    ApprovalStatus.CANCELLED: "magenta",
    ApprovalStatus.EXPIRED: "dim",
}


def print_proofs(approvals: Sequence[tuple[Approval, Proof | None]]) -> None:
    """Say on standard error what is not the bot's, or that nobody could tell.

    Beside JSON on standard output, which is the records' own and nothing else.
    """
    for approval, proof in approvals:
        if proof is not None and proof.flaw is not None:
            found = _FORGED.format(part=proof.flaw)
            click.echo(f"signoff: {visible(approval.key)}: FORGED: {found}", err=True)
    if any(proof is None for _, proof in approvals):
        click.echo(f"signoff: {NOT_VERIFIED}", err=True)


def channel_text(approval: Approval, proof: Proof | None) -> Text:
    """Return where *approval* is asked, or that it is not the bot who asks."""
    if proof is not None and proof.flaw is not None:
        return Text(f"FORGED: {_FORGED.format(part=proof.flaw)}", style="red")
    terms = approval.asking()
    return Text(visible(terms.channel)) if terms else Text("not routed")


def proof_text(approval: Approval, proof: Proof | None) -> Text:
    """Return what of *approval* was verified."""
    if proof is None:
        return Text(NOT_VERIFIED)
    if proof.flaw is not None:
        return Text(f"FORGED: {_FORGED.format(part=proof.flaw)}", style="red")
    if approval.decision is not None:
        return Text("the decision is signed by the bot")
    if approval.terms is not None and not approval.final:
        return Text("who may answer, and the answers, are the bot's own")
    return Text("there is nothing of the bot's in it to verify")


def status_text(approval: Approval, proof: Proof | None) -> Text:
    """Return the status; of a record that is not the bot's, as what it says."""
    if proof is not None and proof.flaw is not None:
        return Text(f"says {approval.status.value}, but not by the bot", style="red")
    return Text(approval.status.value, style=_COLOURS[approval.status])
