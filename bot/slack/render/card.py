"""Owns the card: the Slack message of one approval, in every state."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from gate import Approval, InvalidId

from ...messenger import Message
from ..ids import APPROVE, BLOCK_PREFIX, REJECT, ButtonValue
from ..text import Finding, clip, findings, inert, quoted, visible, when
from .asked import answers_line, asked_line, pings
from .line import Names, Part, Words, mrkdwn, quote, rich_text, section
from .payload import Arguments, arguments, strings_of
from .status import State, ended_note, state_of, status_line

__all__ = ["DIGEST_SHOWN", "card", "title"]

DIGEST_SHOWN = 12
"""Hexadecimal digits of the digest on a card."""
NAME_LIMIT, AGENT_LIMIT = 80, 50
"""Characters of a name in the header, which holds 150."""

_NOUNS = {
    Finding.INVISIBLE: ("invisible character", "invisible characters"),
    Finding.DIRECTION: (
        "hidden change of reading direction",
        "hidden changes of reading direction",
    ),
    Finding.CONTROL: ("control character", "control characters"),
    Finding.SPACE: ("unusual space", "unusual spaces"),
    Finding.UNKNOWN: ("character without a meaning", "characters without a meaning"),
    Finding.MARK: ("stray or stacked accent", "stray or stacked accents"),
    Finding.PADDING: ("blank of padding", "blanks of padding"),
    Finding.RIGHT_TO_LEFT: ("right-to-left letter", "right-to-left letters"),
    Finding.LOOKALIKE: ("word with look-alike letters", "words with look-alike letters"),
}
_ESCAPED = frozenset(Finding) - {Finding.RIGHT_TO_LEFT, Finding.LOOKALIKE}

Block = dict[str, Any]


def card(
    approval: Approval, *, names: Mapping[str, str] | None = None, overdue: bool = False
) -> Message:
    """Return the message that shows *approval* as it stands.

    A pending, routed approval has buttons. Approve is among them only if every character of the
    arguments is on the card; every other card says why it is missing.

    Args:
        approval: As it counts now (`gate.transitions.as_of`); no clock is looked at here.
        names: Display names by principal, for where people are named without a mention.
        overdue: The run was taken so long ago that its end should have been reported by now.

    Raises:
        TypeError: The payload is not a JSON value; a record that was read or made by the gate is.
    """
    known: Names = names or {}
    state = state_of(approval, overdue=overdue)
    shown = arguments(approval.effective_payload)
    blocks = [_header(approval)]
    if state is not State.PENDING:
        blocks.append(_ended(approval, state))
    blocks.append(_origin(approval, state))
    blocks.extend(_full_names(approval))
    blocks.append(_arguments(approval, shown))
    if approval.reason:
        blocks.append(
            rich_text(section([Words("The agent says:", bold=True)]), *quote(approval.reason))
        )
    blocks.extend(_warnings(approval))
    if state is State.PENDING:
        blocks.extend(_asking(approval, shown, names=known))
    for index, block in enumerate(blocks):
        # A new id on each revision: Slack keeps what it knows of a block by its id.
        block["block_id"] = f"{BLOCK_PREFIX}:{approval.version}:{state.value}:{index}"
    return Message(text=_text(approval, state, names=known), blocks=blocks)


def title(approval: Approval) -> str:
    """Return who asks for what, in at most 150 characters of plain text."""
    who, what = quoted(approval.agent, AGENT_LIMIT), quoted(approval.name, NAME_LIMIT)
    return f"{who} asks to run {what}"


def _header(approval: Approval) -> Block:
    return {"type": "header", "text": _plain(title(approval))}


def _ended(approval: Approval, state: State) -> Block:
    parts = [section(status_line(approval, state))]
    note = ended_note(approval)
    if note:
        parts.extend(quote(note))
    decision = approval.decision
    if decision is not None and decision.override_result is not None:
        parts.append(section([Words("Answered in place of running it:", bold=True)]))
        parts.extend(quote(decision.override_result))
    return rich_text(*parts)


def _origin(approval: Approval, state: State) -> Block:
    """Return the small print: what the agent claims, and what our side knows."""
    claims = f"The agent calls itself {quoted(approval.agent, 60)}"
    if approval.run:
        claims += f" · run {quoted(approval.run, 60)}"
    if approval.namespace != "default":
        claims += f" · namespace {quoted(approval.namespace, 60)}"
    facts = f"Asked {when(approval.created_at)}"
    if state is State.PENDING:
        facts += f" · expires {when(approval.deadline)}"
    facts += f" · digest `{approval.effective_digest[:DIGEST_SHOWN]}`"
    return {"type": "context", "elements": [_plain(claims), {"type": "mrkdwn", "text": facts}]}


def _full_names(approval: Approval) -> Iterator[Block]:
    """Yield the names in full length, where the header had to cut them."""
    for label, name, limit in (
        ("Action", approval.name, NAME_LIMIT),
        ("Agent", approval.agent, AGENT_LIMIT),
    ):
        shown = visible(name)
        if quoted(name, limit) != quoted(name, 4 * limit + len(shown)):
            yield rich_text(section([Words(f"{label}, in full:", bold=True)]), _preformatted(shown))


def _arguments(approval: Approval, shown: Arguments) -> Block:
    edited = approval.effective_digest != approval.digest
    label = "Arguments, as edited by the person who approved" if edited else "Arguments"
    payload = approval.effective_payload
    if payload is None or payload == {}:
        empty = "no arguments" if payload is None else "no arguments (an empty object)"
        return rich_text(section([Words(label, bold=True), Words(f": {empty}")]))
    if not shown.whole:
        label += f", only the first {shown.shown:,} of {shown.characters:,} characters"
    return rich_text(section([Words(label, bold=True)]), _preformatted(shown.text))


def _warnings(approval: Approval) -> Iterator[Block]:
    """Yield a line that names what the foreign texts hide, if they hide anything."""
    said = []
    escaped = False
    for where, texts in (
        ("in the arguments", strings_of(approval.effective_payload)),
        ("in the names", (approval.name, approval.agent, approval.run or "")),
        ("in the agent's words", (approval.reason or "",)),
    ):
        found = _sum(texts)
        if found:
            counted = ", ".join(f"{count:,} {_NOUNS[kind][count != 1]}" for kind, count in found)
            said.append(f"{where} {counted}")
            escaped = escaped or any(kind in _ESCAPED for kind, _ in found)
    if said:
        tail = ". Shown as ⟨U+…⟩." if escaped else "."
        yield rich_text(
            section(
                [
                    Words("❗ "),
                    Words("Look closely:", bold=True),
                    Words(f" {'; '.join(said)}{tail}"),
                ]
            )
        )


def _sum(texts: Iterator[str] | tuple[str, ...]) -> list[tuple[Finding, int]]:
    total: dict[Finding, int] = {}
    for text in texts:
        for kind, count in findings(text).items():
            total[kind] = total.get(kind, 0) + count
    return [(kind, total[kind]) for kind in Finding if kind in total]


def _asking(approval: Approval, shown: Arguments, *, names: Names) -> Iterator[Block]:
    """Yield who may answer and the buttons, or why there are none."""
    try:
        value = str(ButtonValue.of(approval))
    except InvalidId:
        # No gate makes such a record; a button that nobody can answer would be a lie.
        yield _lock("No buttons:", "this request has an id that cannot be answered.")
        return
    if approval.terms is None:
        yield _lock("No buttons yet:", "nobody has been chosen who may answer.")
        return
    ping = pings(approval.terms)
    asked: list[Part] = [
        Words("⏳ "),
        Words("Waiting for "),
        *asked_line(approval.terms, names=names, ping=ping),
    ]
    if ping:
        # Mentions notify from mrkdwn; the line holds our words and checked ids only.
        yield {"type": "section", "text": {"type": "mrkdwn", "text": mrkdwn(asked)}}
    else:
        yield rich_text(section(asked))
    answers = answers_line(approval)
    if answers:
        yield rich_text(section(answers))
    if not shown.whole:
        yield _lock(
            "No Approve button:",
            f"the arguments have {shown.characters:,} characters on {shown.rows:,} lines, more "
            "than a card can show whole. They can be rejected here.",
        )
    yield {"type": "actions", "elements": list(_buttons(approval, value, approve=shown.whole))}


def _buttons(approval: Approval, value: str, *, approve: bool) -> Iterator[dict[str, Any]]:
    for action, label, style in ((APPROVE, "Approve", "primary"), (REJECT, "Reject", "danger")):
        if action == REJECT or approve:
            yield {
                "type": "button",
                "action_id": action,
                "text": _plain(label),
                "style": style,
                "value": value,
                "accessibility_label": clip(f"{label} {quoted(approval.name, 50)}", 75),
            }


def _lock(head: str, rest: str) -> Block:
    return rich_text(section([Words("🔒 "), Words(head, bold=True), Words(f" {rest}")]))


def _text(approval: Approval, state: State, *, names: Names) -> str:
    """Return the notification: what, where, who asks and where it stands, without arguments.

    Arguments stay out of it, since notifications are shown on locked screens.
    """
    where = "" if approval.namespace == "default" else f" in {inert(approval.namespace, 60)}"
    who, action = inert(approval.agent, AGENT_LIMIT), inert(approval.name, NAME_LIMIT)
    asks = "asks" if state is State.PENDING else "asked"
    what = f"{who} {asks} to run {action}{where}. "
    if state is not State.PENDING:
        note = ended_note(approval)
        said = f" · reason: {inert(note, 500)}" if note else ""
        return what + mrkdwn(status_line(approval, state)) + said
    if approval.terms is None:
        return what + "Nobody has been chosen who may answer."
    asked = asked_line(approval.terms, names=names, ping=pings(approval.terms))
    return f"{what}⏳ Waiting for {mrkdwn(asked)} until {when(approval.deadline)}."


def _preformatted(text: str) -> dict[str, Any]:
    return {"type": "rich_text_preformatted", "elements": [{"type": "text", "text": text}]}


def _plain(text: str) -> dict[str, Any]:
    return {"type": "plain_text", "text": text, "emoji": False}
