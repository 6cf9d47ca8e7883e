"""The private answers: no click is silent, and each is told exactly what became of it."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given

from bot.messenger import Message
from bot.slack.render.notices import applied, foreign_card, notice_for, stale_card
from gate import (
    AlreadyDecided,
    ApprovalExpired,
    ApprovalNotFound,
    DigestMismatch,
    InvalidId,
    LimitExceeded,
    NotAllowed,
    PolicyError,
    StoreCorrupt,
    StoreUnavailable,
    Unconfirmed,
    Undeliverable,
    Verdict,
)

from ...golden import same_as_golden
from .checks import accepted
from .examples import BEN, NAMES, asked, cancelled, decided, ended, expired
from .hostile import texts

ERRORS: dict[str, Exception] = {
    "not_approver": NotAllowed("delete-42", reason="not_approver"),
    "not_by": NotAllowed("delete-42", reason="not_by"),
    "not_routed": NotAllowed("delete-42", reason="not_routed"),
    "not_checked": NotAllowed("delete-42", reason="not_checked"),
    "not_member": NotAllowed("delete-42", reason="not_member"),
    "incomplete_view": NotAllowed("delete-42", reason="incomplete_view"),
    "not_allowed": NotAllowed("delete-42", reason="some_new_word"),
    "already_approved": AlreadyDecided(decided(Verdict.APPROVE)),
    "already_done": AlreadyDecided(ended()),
    "already_rejected": AlreadyDecided(decided(Verdict.DENY, by=BEN, note="Not on a Friday.")),
    "already_cancelled": AlreadyDecided(cancelled(by="billing")),
    "already_expired": AlreadyDecided(expired()),
    "expired": ApprovalExpired(expired()),
    "undeliverable": Undeliverable(cancelled(undeliverable="no_route"), reason="no_route"),
    "unknown": ApprovalNotFound("delete-42"),
    "stale": DigestMismatch(asked(), actual="0" * 64),
    "foreign": InvalidId(field="button value", reason="unknown version or form"),
    "store_away": StoreUnavailable("decide", cause="refused"),
    "store_corrupt": StoreCorrupt("delete-42", reason="payload"),
    "too_long": LimitExceeded(field="reason characters", value=3001, limit=3000),
    "unconfirmed": Unconfirmed("decide", approval_id="delete-42"),
    "unexpected": PolicyError("no such thing"),
    "crash": RuntimeError("secret text of a library"),
}
NOTICES: dict[str, Message] = {
    **{name: notice_for(error, approval=asked(), names=NAMES) for name, error in ERRORS.items()},
    "applied_approve": applied(decided(Verdict.APPROVE), Verdict.APPROVE),
    "applied_reject": applied(decided(Verdict.DENY), Verdict.DENY),
    "applied_more_needed": applied(asked(), Verdict.APPROVE),
    "stale_card": stale_card(),
    "foreign_card": foreign_card(),
}


def test_golden_notices() -> None:
    """All private answers side by side, as people read them."""
    for notice in NOTICES.values():
        accepted(notice)
    same_as_golden("notices.json", {name: notice.text for name, notice in NOTICES.items()})
    same_as_golden("notice_blocks.json", NOTICES["already_rejected"].blocks)


def test_an_unknown_fate_is_said_and_never_guessed() -> None:
    """P3: whatever may have happened after the write went out is called uncertain."""
    for name in ("unconfirmed", "unexpected", "crash"):
        assert "not certain" in NOTICES[name].text
        assert "secret" not in NOTICES[name].text


@pytest.mark.parametrize("name", ["store_away", "stale", "foreign", "unknown"])
def test_what_was_not_recorded_is_called_so(name: str) -> None:
    """Where nothing was written, the person knows it."""
    assert "not recorded" in NOTICES[name].text


def test_a_refusal_names_who_may_and_calls_nobody() -> None:
    """A private refusal must not ring anybody's bell."""
    assert "It is up to Ana, Ben or owners." in NOTICES["not_approver"].text
    assert "<@" not in NOTICES["not_approver"].text


@given(texts, texts)
def test_no_hostile_text_breaks_a_notice(one: str, other: str) -> None:
    """Reasons, notes and names of anybody have no power in a private answer."""
    made: list[Any] = [
        notice_for(NotAllowed("x", reason=one)),
        notice_for(
            NotAllowed("x", reason="not_approver"),
            approval=asked(),
            names=dict.fromkeys(NAMES, other),
        ),
        notice_for(AlreadyDecided(decided(Verdict.DENY, by=one, note=other * 20))),
        notice_for(AlreadyDecided(cancelled(undeliverable=one, reason=other))),
    ]
    for message in made:
        accepted(message)
