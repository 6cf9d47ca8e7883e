"""The private answers: no click is silent, and each is told exactly what became of it."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings

from bot.directory import Names
from bot.messenger import Message
from bot.slack.render import form_failed, notice, too_many, unrecorded
from gate import (
    AlreadyDecided,
    Amendment,
    Approval,
    ApprovalAnswer,
    ApprovalExpired,
    ApprovalNotFound,
    ApprovalRefused,
    ApprovalResolved,
    ApprovalVoted,
    DigestMismatch,
    InvalidId,
    LimitExceeded,
    NotAllowed,
    PolicyError,
    StoreCorrupt,
    StoreUnavailable,
    Tampered,
    Unconfirmed,
    Undeliverable,
    Verdict,
    Vote,
)

from ...golden import same_as_golden
from .checks import accepted
from .examples import (
    ANA,
    BEN,
    NAMES,
    agreed,
    answered,
    asked,
    cancelled,
    decided,
    edited,
    ended,
    expired,
    later,
)
from .hostile import texts

BY: dict[str, Any] = {
    "id": "delete-42", "at": later(2), "principal": ANA, "surface": "card", "place": "C0APPROVALS",
}  # fmt: skip
REJECTED = decided(Verdict.DENY, by=BEN, note="Not on a Friday.")


def _refused(reason: str) -> ApprovalRefused:
    return ApprovalRefused(**BY, reason=reason)


EVENTS: dict[str, tuple[ApprovalAnswer, Approval | None]] = {
    "voted": (ApprovalVoted(**BY, verdict=Verdict.APPROVE), asked()),
    "approved": (ApprovalResolved(**BY, verdict=Verdict.APPROVE), decided(Verdict.APPROVE)),
    "approved_and_run": (ApprovalResolved(**BY, verdict=Verdict.APPROVE), ended()),
    "rejected": (ApprovalResolved(**BY, verdict=Verdict.DENY), decided(Verdict.DENY)),
    "rejected_and_gone": (ApprovalResolved(**BY, verdict=Verdict.DENY), None),
    "not_approver": (_refused("not_approver"), asked()),
    "not_approver_and_gone": (_refused("not_approver"), None),
    "not_by": (_refused("not_by"), asked()),
    "self_approval": (_refused("self_approval"), asked()),
    "no_keys": (_refused("no_keys"), asked()),
    "not_routed": (_refused("not_routed"), asked()),
    "not_checked": (_refused("not_checked"), asked()),
    "not_member": (_refused("not_member"), asked()),
    "edit_not_allowed": (_refused("edit_not_allowed"), asked()),
    "override_not_allowed": (_refused("override_not_allowed"), asked()),
    "skip_not_allowed": (_refused("skip_not_allowed"), asked()),
    "edited": (ApprovalVoted(**BY, verdict=Verdict.APPROVE), edited()),
    "edited_by_another": (ApprovalVoted(**BY, verdict=Verdict.APPROVE), edited(by=BEN)),
    "answered": (ApprovalVoted(**BY, verdict=Verdict.APPROVE), answered()),
    "approved_edited": (ApprovalResolved(**BY, verdict=Verdict.APPROVE), agreed(edited())),
    "approved_answered": (ApprovalResolved(**BY, verdict=Verdict.APPROVE), agreed(answered())),
    "skipped": (ApprovalResolved(**BY, verdict=Verdict.SKIP), decided(Verdict.SKIP)),
    "incomplete_view": (_refused("incomplete_view"), asked()),
    "already_answered": (_refused("already_answered"), asked()),
    "already_answered_and_over": (_refused("already_answered"), decided(Verdict.APPROVE)),
    "already_approved": (_refused("already_decided"), decided(Verdict.APPROVE)),
    "already_done": (_refused("already_decided"), ended()),
    "already_rejected": (_refused("already_decided"), REJECTED),
    "already_cancelled": (_refused("already_decided"), cancelled(by="billing")),
    "already_undeliverable": (
        _refused("already_decided"), cancelled(undeliverable="no_route"),
    ),
    "already_expired": (_refused("already_decided"), expired()),
    "already_and_gone": (_refused("already_decided"), None),
    "approval_expired": (_refused("approval_expired"), expired()),
    "approval_not_found": (_refused("approval_not_found"), None),
    "stale_card": (_refused("stale_card"), asked()),
    "foreign_card": (_refused("foreign_card"), None),
    "unknown_word": (_refused("some_new_word"), asked()),
}  # fmt: skip
ERRORS: dict[str, Exception] = {
    "not_checked": NotAllowed("delete-42", reason="not_checked"),
    "already_decided": AlreadyDecided(REJECTED),
    "expired": ApprovalExpired(expired()),
    "undeliverable": Undeliverable(cancelled(undeliverable="no_route"), reason="no_route"),
    "unknown": ApprovalNotFound("delete-42"),
    "stale": DigestMismatch(asked(), actual="0" * 64),
    "foreign": InvalidId(field="button value", reason="unknown version or form"),
    "store_away": StoreUnavailable("decide", cause="refused"),
    "store_corrupt": StoreCorrupt("delete-42", reason="payload"),
    "tampered": Tampered("delete-42", part="votes"),
    "too_long": LimitExceeded(field="reason characters", value=3001, limit=3000),
    "unconfirmed": Unconfirmed("decide", approval_id="delete-42"),
    "unexpected": PolicyError("no such thing"),
    "crash": RuntimeError("secret text of a library"),
}
NOTICES: dict[str, Message] = {
    **{name: notice(*told, names=NAMES) for name, told in EVENTS.items()},
    **{f"error_{name}": unrecorded(error, names=NAMES) for name, error in ERRORS.items()},
    "unconfirmed": notice(*EVENTS["approved"], names=NAMES, confirmed=False),
    "form_failed": form_failed(),
    "form_failed_review": form_failed(what="Review"),
    "form_failed_rejected": form_failed(rejected=True),
    "too_many": too_many(),
}


def test_an_answer_that_is_told_late_says_what_counts_now() -> None:
    """Whoever reads it after the end is not asked to wait for others, nor told an old answer."""
    yes = ApprovalVoted(**BY, verdict=Verdict.APPROVE)
    over = notice(yes, REJECTED, names=NAMES).text
    assert "More answers are needed" in NOTICES["voted"].text
    assert "More answers are needed" not in over
    assert "*Rejected* by" in over
    no = Vote(principal=ANA, verdict=Verdict.DENY, at=later(3), digest="0" * 64)
    changed = notice(yes, asked().model_copy(update={"votes": (no,)}), names=NAMES).text
    assert "was recorded: *approve*. You have changed it since; what counts is *reject*." in changed
    amendment = Amendment(override_result="by hand", principal=BEN, at=later(3))
    voided = notice(yes, asked().model_copy(update={"amendment": amendment}), names=NAMES).text
    assert "What is asked was changed since; it counts no more." in voided


def test_golden_notices() -> None:
    """All private answers side by side, as people read them."""
    for answer in NOTICES.values():
        accepted(answer)
    same_as_golden("notices.json", {name: answer.text for name, answer in NOTICES.items()})
    same_as_golden("notice_blocks.json", NOTICES["already_rejected"].blocks)


def test_a_decision_that_may_not_stay_is_called_so() -> None:
    """P3: nobody is told "approved" while a failover of the store could take it back."""
    text = NOTICES["unconfirmed"].text
    assert "Not confirmed yet" in text
    assert "Approved" not in text


def test_an_unknown_fate_is_said_and_never_guessed() -> None:
    """P3: whatever may have happened after the write went out is called uncertain."""
    for name in ("unconfirmed", "unexpected", "crash"):
        assert "not certain" in NOTICES[f"error_{name}"].text
        assert "secret" not in NOTICES[f"error_{name}"].text


@pytest.mark.parametrize(
    "name",
    [
        "error_store_away",
        "error_stale",
        "error_tampered",
        "foreign_card",
        "stale_card",
        "approval_not_found",
        "no_keys",
    ],
)
def test_what_was_not_recorded_is_called_so(name: str) -> None:
    """Where nothing was written, the person knows it."""
    assert "not recorded" in NOTICES[name].text


def test_who_was_first_is_named_with_a_date() -> None:
    """P2: every loser learns the winner: who, when, and what was said."""
    text = NOTICES["already_rejected"].text
    for part in ("Rejected", "Ben", "2026-11-22 14:02 UTC", "Not on a Friday."):
        assert part in text


def test_a_private_answer_calls_nobody() -> None:
    """What a notification says of people whose names are known is their names, and no mention."""
    assert "It is up to Ana, Ben or owners." in NOTICES["not_approver"].text
    for answer in NOTICES.values():
        assert not {"<@", "<!subteam"} & set(answer.text.split())
        assert "<@" not in answer.text


@settings(deadline=None)  # each example is judged by four validators
@given(texts, texts)
def test_no_hostile_text_breaks_a_notice(one: str, other: str) -> None:
    """Reasons, notes and names of anybody have no power in a private answer."""
    named = Names(dict.fromkeys(NAMES, other), home="T0SANDBOX")
    late = decided(Verdict.DENY, by=one, note=other * 20)
    made: list[Any] = [
        notice(_refused(one), asked(), names=named),
        notice(_refused("not_approver"), asked(), names=named),
        notice(_refused("already_decided"), late, names=named),
        notice(_refused("already_decided"), cancelled(undeliverable=one, reason=other)),
        notice(ApprovalResolved(**BY, verdict=Verdict.DENY), late, names=named),
        unrecorded(NotAllowed("x", reason=one)),
        unrecorded(AlreadyDecided(late), names=named),
    ]
    for message in made:
        accepted(message)
