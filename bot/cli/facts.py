"""Owns the facts that tell one approval at the command line, row by row."""

from __future__ import annotations

from collections.abc import Iterator

from rich.text import Text

from gate import Approval

from ..proof import Proof
from ..slack.render.asked import asked_of
from ..slack.render.line import duration
from ..slack.render.notation import rows_of
from ..slack.text import visible
from .proofs import proof_text, status_text

__all__ = ["facts_of", "foreign_text"]


def facts_of(approval: Approval, proof: Proof | None) -> list[tuple[str, Text]]:
    """Return label and value of each fact, in the order in which they are read.

    Args:
        approval: As it counts now.
        proof: What is known of it; `None` where nobody could vouch for it.
    """
    facts = [
        ("id", foreign_text(approval.key)),
        ("status", status_text(approval, proof)),
        ("proof", proof_text(approval, proof)),
        ("asked", Text(approval.created_at.isoformat(timespec="seconds"))),
        ("ends", Text(approval.deadline.isoformat(timespec="seconds"))),
        ("digest", Text(approval.digest)),
    ]
    if approval.run:
        facts.append(("run", foreign_text(approval.run)))
    if approval.reason:
        facts.append(("it says", foreign_text(approval.reason)))
    if approval.policy:
        facts.append(("its policy", foreign_text(approval.policy)))
    if approval.effective_digest != approval.digest:
        facts.append(("as edited", Text(approval.effective_digest)))
    facts.extend(_proposal(approval))
    facts.extend(_people(approval))
    if approval.decision:
        by = approval.approver or "an unnamed caller"
        facts.append(("decided", foreign_text(f"{approval.decision.verdict.value} by {by}")))
        if approval.decision.note:
            facts.append(("reason", foreign_text(approval.decision.note)))
    if approval.cancellation:
        why = approval.cancellation.undeliverable or approval.cancellation.reason or "no reason"
        facts.append(
            ("cancelled", foreign_text(f"{why} (by {approval.cancellation.by or 'unknown'})"))
        )
    if approval.consumption:
        at = approval.consumption.at.isoformat(timespec="seconds")
        facts.append(
            ("consumed", foreign_text(f"{at} by operation {approval.consumption.operation_id}"))
        )
        facts.append(("outcome", _outcome(approval)))
    return facts


def _proposal(approval: Approval) -> Iterator[tuple[str, Text]]:
    """Yield what people made of the question, and what a yes is said to while it is open."""
    amendment, result = approval.amendment, approval.proposed_result
    if amendment is not None:
        label = "edited by" if amendment.digest is not None else "changed by"
        yield label, foreign_text(amendment.principal or "an unnamed caller")
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
    return Text(f"{end.status}{error} in {duration(end.seconds)}")


def _people(approval: Approval) -> Iterator[tuple[str, Text]]:
    """Yield who may answer, how many of them are needed, who may not, and the answers so far."""
    terms = asked_of(approval)
    if terms is None:
        return
    label = "may answer"
    for quorum in terms.quorums:
        people = ", ".join(quorum.of) or "nobody"
        if len(terms.quorums) > 1:
            people = f"{quorum.needed} of {quorum.name} ({people})"
        elif quorum.needed > 1:
            people = f"{quorum.needed} of {people}"
        yield label, foreign_text(people)
        label = "and"
    barred = dict.fromkeys((*terms.excluded, *approval.not_by))
    if barred:
        yield "may not", foreign_text(", ".join(barred))
    yield "channel", foreign_text(terms.channel)
    if approval.votes and (not approval.final or len(approval.votes) > 1):
        said = (f"{vote.verdict.value} by {vote.principal or '?'}" for vote in approval.votes)
        yield "answers", foreign_text(", ".join(said))


def foreign_text(foreign: str) -> Text:
    """Return foreign text as it may be shown: no markup, every character visible."""
    return Text(visible(foreign))
