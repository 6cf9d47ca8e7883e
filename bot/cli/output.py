"""Owns what the command prints: JSON for scripts, tables and stories for people."""

from __future__ import annotations

import difflib
import json
from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final

import click
from rich.console import Console
from rich.measure import Measurement
from rich.table import Table
from rich.text import Text

from gate import UNCHANGED, Approval

from ..masking import Masking
from ..proof import Proof
from ..slack.render.notation import rows_of
from ..slack.render.payload import arguments
from ..slack.text import visible
from .facts import facts_of, foreign_text
from .proofs import NOT_VERIFIED, channel_text

__all__ = ["print_approval", "print_approvals", "print_json", "print_proposal", "print_rows"]


_NAME: Final = 60
"""Columns of a name in a list; `show` has it whole."""
_WIDEST: Final = 100_000
"""Columns: more than any row has."""


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
    print_rows(
        ("id", "agent", "action", "asked", "ends in", "channel"),
        [
            (
                foreign_text(approval.key),
                _short(approval.agent),
                _short(approval.name),
                Text(f"{_span((now - approval.created_at).total_seconds())} ago"),
                Text(_span((approval.deadline - now).total_seconds())),
                channel_text(approval, proof),
            )
            for approval, proof in ((masking.veil(each), proof) for each, proof in approvals)
        ],
    )
    console = Console(highlight=False)
    if any(proof is None for _, proof in approvals):
        console.print(NOT_VERIFIED, style="dim")
    if total > len(approvals):
        console.print(f"{total - len(approvals)} more; see --limit", style="dim")


def print_rows(head: Sequence[str], rows: Sequence[Sequence[Text]]) -> None:
    """Print a table with one line for each row, however narrow the terminal.

    What stands in it is there to be copied: an id that is broken in two is none.

    Args:
        head: A word for each column.
        rows: As many cells each.
    """
    table = Table(box=None, pad_edge=False, header_style="bold")
    for column in head:
        table.add_column(column, no_wrap=True)
    for row in rows:
        table.add_row(*row)
    console = Console(highlight=False)
    roomy = console.options.update(width=_WIDEST)
    console.width = max(console.width, Measurement.get(console, roomy, table).maximum)
    console.print(table, soft_wrap=True)


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
    asks = Text.assemble(
        (visible(approval.agent), "bold"), " asks to run ", (visible(approval.name), "bold")
    )
    # What goes on in another line is indented: no text of others can begin one, as a label does.
    for number, line in enumerate(asks.wrap(console, max(console.width - 2, 20))):
        console.print(Text("  " if number else "").append_text(line))
    facts = Table.grid(padding=(0, 1, 0, 0))
    facts.add_column(style="dim", no_wrap=True, min_width=11)
    facts.add_column(overflow="fold")
    for fact in facts_of(approval, proof):
        facts.add_row(*fact)
    console.print(facts)
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


def _short(foreign: str) -> Text:
    text = foreign_text(foreign)
    text.truncate(_NAME, overflow="ellipsis")
    return text


def _span(seconds: float) -> str:
    for size, unit in ((86400, "d"), (3600, "h"), (60, "min")):
        if abs(seconds) >= size:
            return f"{seconds / size:.0f} {unit}"
    return f"{max(0.0, seconds):.0f} s"
