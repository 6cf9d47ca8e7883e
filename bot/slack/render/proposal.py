"""Owns the words for what a person made of the question: edited, or answered in place of a run."""

from __future__ import annotations

from gate import Approval

from .line import Line, Names, Part, Words, person

__all__ = [
    "ANSWERED",
    "EDITED",
    "arguments_label",
    "change_of",
    "changed_line",
    "changed_mark",
    "result_label",
]

EDITED, ANSWERED = "📝 ", "💬 "
"""What an edit, and a result in place of a run, begin with on every surface."""

_VOID = "; earlier approvals are void. "


def changed_line(
    approval: Approval, *, names: Names | None = None, ping: bool = True
) -> list[Part]:
    """Return who changed what is asked, how, and what a yes means now; empty where nobody did.

    Args:
        approval: A pending one.
        names: Display names by principal, for where people are not mentioned.
        ping: Mention the person.
    """
    amendment = approval.amendment
    if approval.final or amendment is None:
        return []
    who = _who(amendment.principal, names=names, ping=ping)
    if amendment.override_result is not None:
        said = "Approving means: the agent gets this result, and nothing runs."
        return [Words(ANSWERED), who, Words(f" answers in place of a run{_VOID}{said}")]
    said = "Approving means: it runs with the edited arguments."
    return [Words(EDITED), who, Words(f" edited the arguments{_VOID}{said}")]


def result_label(*, shown: int | None = None, characters: int = 0) -> str:
    """Return the heading of a proposed result, with sizes where only its beginning is shown."""
    label = "Result in place of a run"
    if shown is None:
        return label
    return f"{label}, only the first {shown:,} of {characters:,} characters"


def arguments_label(
    approval: Approval, *, names: Names | None = None, ping: bool = True, page: str = ""
) -> list[Part]:
    """Return the heading of the arguments: whose they are, and whether they would run.

    Args:
        approval: Of any state.
        names: Display names by principal, for where people are not mentioned.
        ping: Mention the person who edited them.
        page: Words of ours that follow it.
    """
    amendment, decision = approval.amendment, approval.decision
    tail = page
    if not approval.final and approval.proposed_result is not None:
        tail = f", of the action that would not run{page}"
    if decision is not None and decision.digest is not None:
        return [Words(f"Arguments, as edited by the person who approved{tail}", bold=True)]
    if amendment is None or amendment.digest is None:
        return [Words(f"Arguments{tail}", bold=True)]
    if amendment.override_result is not None:
        # Who proposed a result may have found the arguments edited by somebody else.
        return [Words(f"Arguments, as edited by a person{tail}", bold=True)]
    who = _who(amendment.principal, names=names, ping=ping)
    label: list[Part] = [Words("Arguments, as edited by ", bold=True), who]
    return [*label, Words(tail, bold=True)] if tail else label


def changed_mark(approval: Approval) -> Line:
    """Return what a list says of a changed request after its title; empty where nobody changed it.

    Args:
        approval: Of any state.
    """
    what = change_of(approval)
    return [Words(f" · {what}")] if what else []


def change_of(approval: Approval) -> str | None:
    """Return in a few words what a person made of the question; `None` where nobody did."""
    if approval.proposed_result is not None:
        return f"{ANSWERED}answered in place of a run"
    return f"{EDITED}edited" if approval.effective_digest != approval.digest else None


def _who(principal: str | None, *, names: Names | None, ping: bool) -> Part:
    if principal is None:
        return Words("an unnamed caller")
    return person(principal, names, ping=ping)
