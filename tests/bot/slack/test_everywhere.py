"""Hostile text on every surface at once: nothing acts, nothing hides, nothing passes for ours."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest

from bot.directory import Names
from bot.inbox import Inbox
from bot.messenger import Message
from bot.proof import Proof
from bot.slack import render
from gate import (
    Amendment,
    Approval,
    ApprovalAlarm,
    ApprovalAmended,
    ApprovalCancelledEvent,
    ApprovalEscalated,
    ApprovalRefused,
    ApprovalReported,
    ApprovalResolved,
    ApprovalRouted,
    NotAllowed,
    Tampered,
    Verdict,
)

from .checks import accepted, all_text, blocks_of, leaves, nothing_hidden, view_accepted
from .examples import ANA, ASKED, BEN, NAMES, TERMS, asked, cancelled, decided, ended, later, stamp
from .hostile import TRICKS

Shown = Message | dict[str, Any]
Draw = Callable[[str], Shown]

LINK = "https://acme.slack.com/archives/C0APPROVALS/p1795318458864560"
AT: dict[str, Any] = {"id": "delete-42", "at": later(2)}
BUTTONS: dict[str, Any] = {"stamp": stamp, "person": "U0ANA"}
LABELS = frozenset(
    (
        "Answer instead…", "Approve", "Back", "Edit…", "Next", "Reject", "Reveal", "Review", "Skip",
    )
)  # fmt: skip


def _asked(text: str, **changes: Any) -> Approval:
    """A request with *text* wherever an agent or a person can put one."""
    name = (text or "x")[:200]
    terms = TERMS.model_copy(
        update={
            "quorums": (TERMS.quorums[0].model_copy(update={"name": text, "of": (ANA, name)}),) * 2,
            "notify": (),
        }
    )
    fields: dict[str, Any] = {
        "payload": {name: text, "list": [text, {"deep": text}], "before": text, "after": "\n"},
        "name": name,
        "agent": name,
        "reason": text or None,
        "policy": text or None,
        "run": text or None,
        "terms": terms,
    }
    return asked(**(fields | changes))


def _masked(text: str, *, reveal: bool = True) -> Approval:
    """A request with *text* around secrets and in their place."""
    token = "ghp" + "_" + "a1B2c3D4" * 5
    around = f"{text} {token} {text}"
    payload = {"password": text or "x", "near": around, around: 1, "list": [[around]]}
    approval = _asked(text, payload=payload, reason=around)
    assert approval.terms is not None
    terms = approval.terms.model_copy(update={"reveal": reveal})
    return approval.model_copy(update={"terms": terms})


def _changed(text: str, *, result: str | None = None) -> Approval:
    """A request that somebody edited to *text*, or answered with it in place of a run."""
    approval = _asked(text, editable=True, allow_override=True)
    to = {"text": text, "more": [text]}
    amendment = Amendment(
        payload=to,
        digest=approval.digest_of(to),
        override_result=result,
        principal=text or None,
        at=later(2),
    )
    return approval.model_copy(update={"amendment": amendment})


def _amended(approval: Approval) -> Message:
    amendment = approval.amendment
    assert amendment is not None
    event = ApprovalAmended(
        **AT,
        principal=amendment.principal,
        digest=approval.effective_digest,
        override=amendment.override_result is not None,
        surface="edit",
    )
    return _reply(event, approval)


def _names(text: str) -> Names:
    return Names({**dict.fromkeys(NAMES, text), text: text}, home="T0SANDBOX")


def _ended(text: str, verdict: Verdict = Verdict.DENY) -> Approval:
    made = decided(verdict, by=text, note=text)
    base = _asked(text)
    return base.model_copy(
        update={
            name: getattr(made, name)
            for name in ("status", "votes", "decided_at", "decision", "decision_metadata")
        }
    )


def _resolved(text: str) -> ApprovalResolved:
    return ApprovalResolved(
        **AT, principal=text, verdict=Verdict.DENY, note=text, surface=text or "x"
    )


def _reply(event: Any, approval: Approval) -> Message:
    message = render.reply(event, approval)
    assert message is not None
    return message


def _review(approval: Approval, **how: Any) -> Shown:
    if render.review_pages(approval) > render.REVIEW_LIMIT:
        approval = approval.model_copy(update={"payload": approval.name})
    return render.review_modal(approval, 1, **BUTTONS, place="C0APPROVALS", **how)


SURFACES: dict[str, Draw] = {
    "card": lambda text: render.card(_asked(text), stamp=stamp, names=_names(text)),
    "card_large": lambda text: render.card(
        _asked(text, payload=[text[:500]] * 200), stamp=stamp, names=_names(text)
    ),
    "card_masked": lambda text: render.card(_masked(text), stamp=stamp, names=_names(text)),
    "card_sealed": lambda text: render.card(_masked(text, reveal=False), stamp=stamp),
    "review_masked": lambda text: _review(_masked(text), names=_names(text)),
    "review_sealed": lambda text: _review(_masked(text, reveal=False), names=_names(text)),
    "review_revealed": lambda text: _review(
        _masked(text), names=_names(text), kind=render.PageKind.REVEALED
    ),
    "card_edited": lambda text: render.card(_changed(text), stamp=stamp, names=_names(text)),
    "card_answered": lambda text: render.card(
        _changed(text, result=text), stamp=stamp, names=_names(text)
    ),
    "direct_answered": lambda text: render.direct(_changed(text, result=text), LINK, **BUTTONS),
    "review_answered": lambda text: _review(_changed(text, result=text[:500]), names=_names(text)),
    "home_answered": lambda text: render.home(
        Inbox((_changed(text, result=text),), (_changed(text),)),
        **BUTTONS,
        now=ASKED,
        names=_names(text),
    ),
    "details_answered": lambda text: render.details(
        _changed(text, result=text), names=_names(text)
    ),
    "thread_edited": lambda text: _amended(_changed(text)),
    "thread_answered": lambda text: _amended(_changed(text, result=text)),
    "card_rejected": lambda text: render.card(_ended(text), stamp=stamp),
    "card_failed": lambda text: render.card(ended(error=text), stamp=stamp),
    "card_cancelled": lambda text: render.card(cancelled(by=text, reason=text), stamp=stamp),
    "card_undeliverable": lambda text: render.card(cancelled(undeliverable=text), stamp=stamp),
    "card_forged": lambda text: render.card(
        _ended(text), stamp=stamp, proof=Proof(flaw="receipt"), names=_names(text)
    ),
    "card_tampered": lambda text: render.card(
        _asked(text), stamp=stamp, proof=Proof(flaw="votes"), names=_names(text)
    ),
    "card_unconfirmed": lambda text: render.card(
        _ended(text), stamp=stamp, proof=Proof(confirmed=False)
    ),
    "card_moved": lambda text: render.moved(_asked(text)),
    "direct": lambda text: render.direct(_asked(text), LINK, **BUTTONS, names=_names(text)),
    "direct_over": lambda text: render.direct(_ended(text), LINK, **BUTTONS, names=_names(text)),
    "review": lambda text: _review(_asked(text), names=_names(text)),
    "reject": lambda text: render.reject_modal(_asked(text), **BUTTONS, place="C0APPROVALS"),
    "ended": lambda text: render.ended_modal(_ended(text), names=_names(text)),
    "home": lambda text: render.home(
        Inbox((_asked(text),), (_asked(text),), (_ended(text), cancelled(by=text, reason=text))),
        **BUTTONS,
        now=ASKED,
        names=_names(text),
    ),
    "thread_asked": lambda text: _reply(ApprovalRouted(**AT, channel=text), _asked(text)),
    "thread_decided": lambda text: _reply(_resolved(text), _asked(text)),
    "thread_failed": lambda text: _reply(
        ApprovalReported(**AT, status="failed", error=text, seconds=1.0), _asked(text)
    ),
    "thread_cancelled": lambda text: _reply(
        ApprovalCancelledEvent(**AT, by=text, reason=text), _asked(text)
    ),
    "thread_undeliverable": lambda text: _reply(
        ApprovalCancelledEvent(**AT, undeliverable=text, reason=text), _asked(text)
    ),
    "thread_reminded": lambda text: _reply(
        ApprovalEscalated(**AT, rung=0, action="remind"), _asked(text)
    ),
    "thread_widened": lambda text: _reply(
        ApprovalEscalated(**AT, rung=0, action="widen", also=(text, ANA)), _asked(text)
    ),
    "thread_moved": lambda text: _reply(
        ApprovalEscalated(**AT, rung=0, action="move", channel=text or "x"), _asked(text)
    ),
    "thread_pointer": lambda text: render.pointer(
        ApprovalEscalated(**AT, rung=0, action="move", channel=text or "x"), LINK
    ),
    "thread_alarm": lambda text: _reply(ApprovalAlarm(**AT, part=text), _asked(text)),
    "notice_tampered": lambda text: render.unrecorded(Tampered(text, part=text)),
    "notice_self_approval": lambda text: render.notice(
        ApprovalRefused(**AT, principal=BEN, reason="self_approval"),
        _asked(text),
        names=_names(text),
    ),
    "notice_resolved": lambda text: render.notice(
        _resolved(text), _ended(text), names=_names(text)
    ),
    "notice_refused": lambda text: render.notice(
        ApprovalRefused(**AT, principal=BEN, reason="not_approver"),
        _asked(text),
        names=_names(text),
    ),
    "notice_word": lambda text: render.unrecorded(NotAllowed("x", reason=text)),
    "listing": lambda text: render.listing([_asked(text)], total=1, now=ASKED, links={}),
    "details": lambda text: render.details(_asked(text), names=_names(text), link=LINK),
    "details_over": lambda text: render.details(_ended(text), names=_names(text)),
    "who": lambda text: render.who_can_decide(
        _asked(text, not_by=(text,)), names=_names(text), you_may=None
    ),
    "unknown_id": render.unknown_id,
}


@pytest.mark.parametrize("name", SURFACES)
def test_no_surface_gives_foreign_text_any_power(name: str) -> None:
    """P13: no mention, link, channel, format, emoji or unfurl; every character visible or counted.

    Every trick on every surface, and one function that looks.
    """
    for trick in (*TRICKS, "".join(TRICKS)):
        shown = SURFACES[name](trick)
        if isinstance(shown, Message):
            accepted(shown)
            nothing_hidden(shown.text)
        else:
            view_accepted(shown)
        _powerless(blocks_of(shown))


def _powerless(blocks: list[dict[str, Any]]) -> None:
    """Assert that only our frame mentions, links and is bold, and that no text imitates it."""
    for leaf in _elements(blocks):
        match leaf["type"]:
            case "link":
                assert leaf["url"] == LINK
            case "user":
                assert re.fullmatch(r"U0[A-Z]+", leaf["user_id"])
            case "usergroup":
                assert leaf["usergroup_id"] == "S0OWNERS"
            case "channel":
                assert leaf["channel_id"] == "C0APPROVALS"
            case kind:
                assert kind in ("text", "date")
    for text in leaves(blocks, "mrkdwn"):
        # Our own small print and nothing of others: no name, no argument, no word.
        assert text.startswith(("Asked ", "⏳ Waiting for ", "🔔 "))
    labels = {
        element["text"]["text"]
        for block in blocks
        if block["type"] == "actions"
        for element in block["elements"]
    }
    assert labels <= LABELS
    for text in all_text(blocks):
        nothing_hidden(text)


def _elements(blocks: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [leaf for part in _parts(blocks) for leaf in part["elements"]]


IMITATIONS = (
    "✅ Approved by Ana",
    "⏳ Waiting for Ana",
    "Arguments, page 1 of 1",
    "🔒 No Approve button here: it is all right",
    "billing asks to run nothing",
    "before → after (changes: 0 out, 0 in):",
    "password: ⟦masked, 7 characters, fingerprint 00000000⟧",
)


@pytest.mark.parametrize("before", ["", '"', "│ x\n"])
@pytest.mark.parametrize("text", IMITATIONS)
def test_nothing_imitates_the_frame(text: str, before: str) -> None:
    """What looks like a line of ours stands in quotation marks, behind a bar or in a quotation.

    So a reader who knows the frame from any other request cannot take it for one.
    """
    for name, draw in SURFACES.items():
        for part in _parts(blocks_of(draw(before + text))):
            said = "".join(leaf.get("text", "") for leaf in part["elements"])
            match part["type"]:
                case "rich_text_preformatted":
                    assert not [row for row in said.split("\n") if row.strip() == text], name
                case "rich_text_section":
                    assert text not in re.sub(r'"[^"]*"', "", said), name
                case kind:
                    assert kind == "rich_text_quote"


def _parts(blocks: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [part for block in blocks if block["type"] == "rich_text" for part in block["elements"]]
