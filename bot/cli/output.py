"""Owns what the command prints: JSON for scripts, tables and stories for people."""

from __future__ import annotations

import difflib
import json
from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any

import click
from rich.console import Console
from rich.table import Table
from rich.text import Text

from gate import UNCHANGED, Approval

from ..masking import Masking
from ..proof import Proof
from ..slack.render.notation import rows_of
from ..slack.render.payload import arguments
from ..slack.text import visible
from .proofs import NOT_VERIFIED, channel_text, proof_text, status_text

__all__ = ["print_approval", "print_approvals", "print_json", "print_proposal"]


def print_json(value: Any) -> None:
    """Print one JSON value on one line; ASCII, so that no terminal can be fooled."""
    click.echo(json.dumps(value, sort_keys=True))


def print_approvals(
    approvals: Sequence[tuple[Approval, Proof | None]],
    *,
    masking: Masking,
    now: datetime,
    total: int,
) -> None:
    """Print pending approvals as a table, oldest first.

    Args:
        approvals: Each with what is known of it; `None` where nobody could vouch for it.
        masking: Masks what looks like a secret.
        now: The store's time.
        total: How many there are in all.
    """
    if not approvals:
        click.echo("Nothing is pending.")
        return
    table = Table(box=None, pad_edge=False, header_style="bold")
    # Whole, in one line: it is there to be copied.
    table.add_column("id", no_wrap=True)
    for column in ("agent", "action", "asked", "ends in", "channel"):
        table.add_column(column, overflow="fold")
    for approval, proof in ((masking.veil(each), proof) for each, proof in approvals):
        table.add_row(
            _text(approval.key),
            _text(approval.agent),
            _text(approval.name),
            f"{_span((now - approval.created_at).total_seconds())} ago",
            _span((approval.deadline - now).total_seconds()),
            channel_text(approval, proof),
        )
    console = Console(highlight=False)
    console.print(table)
    if any(proof is None for _, proof in approvals):
        console.print(NOT_VERIFIED, style="dim")
    if total > len(approvals):
        console.print(f"{total - len(approvals)} more; see --limit", style="dim")


def print_approval(
    approval: Approval, *, masking: Masking | None, proof: Proof | None = None
) -> None:
    """Print one approval: what was asked, who may answer, what became of it.

    Args:
        approval: As it counts now.
        proof: What is known of it; `None` where nobody could vouch for it.
        masking: Masks what looks like a secret; `None` reveals it.
    """
    payload = approval.effective_payload
    if masking is not None:
        approval, payload = masking.veil(approval), masking.plain(payload)
    console = Console(highlight=False)
    console.print(
        Text.assemble(
            (visible(approval.agent), "bold"), " asks to run ", (visible(approval.name), "bold")
        )
    )
    for label, value in _facts(approval, proof):
        console.print(Text.assemble((f"{label:<12}", "dim"), value))
    if approval.effective_digest != approval.digest:
        _print_change(console, approval.payload, approval.effective_payload)
    shown = arguments(approval.effective_payload)
    console.print(Text("arguments", style="dim"))
    # Whole here, however long: what cannot be seen cannot be approved.
    text = shown.text if shown.fits else json.dumps(payload, indent=2)
    console.print(Text(text), soft_wrap=True)


def print_proposal(approval: Approval, payload: Any, result: str | None) -> None:
    """Print what somebody is about to approve in place of what stands.

    Args:
        approval: As it counts now.
        payload: The edited arguments, or `UNCHANGED`; whole, as the person wrote them.
        result: What the agent is to get in place of a run.
    """
    console = Console(highlight=False)
    if payload is not UNCHANGED:
        _print_change(console, approval.effective_payload, payload)
    if result is not None:
        console.print(Text("in place of the run", style="dim"))
        console.print(Text("\n".join(rows_of(result))), soft_wrap=True)


def _print_change(console: Console, before: Any, after: Any) -> None:
    console.print(Text("changes", style="dim"))
    old, new = list(rows_of(before)), list(rows_of(after))
    # The first two lines name files. A margin is before every row, so none can look like another.
    rows = list(difflib.unified_diff(old, new, n=2, lineterm=""))[2:]
    console.print(Text("\n".join(rows) or "none that can be seen here"), soft_wrap=True)


def _facts(approval: Approval, proof: Proof | None) -> list[tuple[str, Text]]:
    facts = [
        ("id", _text(approval.key)),
        ("status", status_text(approval, proof)),
        ("proof", proof_text(approval, proof)),
        ("asked", Text(approval.created_at.isoformat(timespec="seconds"))),
        ("ends", Text(approval.deadline.isoformat(timespec="seconds"))),
        ("digest", Text(approval.digest)),
    ]
    if approval.run:
        facts.append(("run", _text(approval.run)))
    if approval.reason:
        facts.append(("it says", _text(approval.reason)))
    if approval.policy:
        facts.append(("its policy", _text(approval.policy)))
    facts.extend(_proposal(approval))
    terms = approval.asking()
    if terms:
        people = ", ".join(who for quorum in terms.quorums for who in quorum.of)
        facts.append(("may answer", _text(people)))
        facts.append(("channel", _text(terms.channel)))
    if approval.decision:
        by = approval.approver or "an unnamed caller"
        facts.append(("decided", _text(f"{approval.decision.verdict.value} by {by}")))
        if approval.decision.note:
            facts.append(("reason", _text(approval.decision.note)))
    if approval.cancellation:
        why = approval.cancellation.undeliverable or approval.cancellation.reason or "no reason"
        facts.append(("cancelled", _text(f"{why} (by {approval.cancellation.by or 'unknown'})")))
    if approval.consumption:
        at = approval.consumption.at.isoformat(timespec="seconds")
        facts.append(("consumed", _text(f"{at} by operation {approval.consumption.operation_id}")))
        facts.append(("outcome", _outcome(approval)))
    return facts


def _proposal(approval: Approval) -> Iterator[tuple[str, Text]]:
    """Yield what people made of the question, and what a yes is said to while it is open."""
    amendment, result = approval.amendment, approval.proposed_result
    if amendment is not None:
        label = "edited by" if amendment.digest is not None else "changed by"
        yield label, _text(amendment.principal or "an unnamed caller")
    if result is not None:
        yield "no run, but", Text("\n").join(Text(row) for row in rows_of(result))
    if approval.final:
        return
    if result is not None:
        yield "a yes is to", Text("this result: nothing runs, the agent gets it instead")
    elif approval.effective_digest != approval.digest:
        yield "a yes is to", Text("the arguments as edited")
    else:
        yield "a yes is to", Text("the arguments as the agent asked")


def _outcome(approval: Approval) -> Text:
    end = approval.outcome
    if end is None:
        return Text("unknown: not reported")
    error = f" with {visible(end.error)}" if end.error else ""
    return Text(f"{end.status}{error} after {end.seconds:.3g} s")


def _text(foreign: str) -> Text:
    """Return foreign text as it may be shown: no markup, every character visible."""
    return Text(visible(foreign))


def _span(seconds: float) -> str:
    for size, unit in ((86400, "d"), (3600, "h"), (60, "min")):
        if abs(seconds) >= size:
            return f"{seconds / size:.0f} {unit}"
    return f"{max(0.0, seconds):.0f} s"
