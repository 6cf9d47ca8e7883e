"""Room: the fullest card of all stays below what Slack takes, whoever chose its texts."""

from __future__ import annotations

from typing import Any

import pytest

from bot.messenger import Message
from bot.slack.ids import ANSWER, APPROVE, EDIT, REJECT, REVIEW, SKIP
from bot.slack.render import card, direct, review_modal
from bot.slack.render.payload import arguments
from gate import Approval, Quorum, Terms, Verdict, Vote

from .checks import accepted, buttons, view_accepted
from .examples import SEAL, TWO, asked, decided, edited, later

BAD = '"\u200b'
"""What takes the most room: a sign that JSON escapes, and a character that we name."""
CROWD = tuple(f"slack:T0SANDBOX:U{number:010}" for number in range(300))
TERMS = Terms(
    channel="C0APPROVALS",
    quorums=tuple(Quorum(name=BAD * 30, of=CROWD, needed=2) for _ in range(20)),
)
NAMES = dict.fromkeys(CROWD, BAD * 40)
WORDS: dict[str, Any] = {
    "id": "i" * 128,
    "namespace": "n" * 128,
    "nonce": "x" * 128,
    "name": BAD * 100,
    "agent": BAD * 100,
    "run": BAD * 64,
    "reason": BAD * 1500,
    "policy": BAD * 500,
    "terms": TERMS,
}
HOSTS = {
    f"h{number}": f"https://{'z' * 60}.{'q' * 60}.com@\u0440{number}pal-{'x' * 30}.{'y' * 50}.com/"
    for number in range(9)
}
PAYLOADS: dict[str, Any] = {
    "quotes": {"a": '"' * 1400},
    "backslashes": {"a": "\\" * 1400},
    "hosts": HOSTS,
    "invisible": {"a": BAD * 200},
    "columns": {"a": "x" * 2500},
}


def _voted(approval: Approval) -> Approval:
    votes = tuple(
        Vote(principal=who, verdict=Verdict.APPROVE, at=later(1), digest=approval.digest)
        for who in CROWD[:20]
    )
    return approval.model_copy(update={"votes": votes})


def _messages(approval: Approval) -> list[Message]:
    link = "https://a-workspace.slack.com/archives/C0APPROVALS/p1795318458864560"
    return [
        card(approval, stamp=SEAL.value, names=NAMES),
        direct(approval, link, stamp=SEAL.value, person="U0ANA", names=NAMES),
    ]


@pytest.mark.parametrize("payload", PAYLOADS.values(), ids=PAYLOADS)
def test_the_fullest_pending_card_fits(payload: Any) -> None:
    """A request that is made as large as it can be is still delivered, and can be decided."""
    assert arguments(payload).whole
    approval = _voted(asked(payload, **WORDS))
    further = _voted(asked([payload], **WORDS, editable=True, allow_override=True))
    for message in (*_messages(approval), *_messages(further)):
        accepted(message)
    view_accepted(
        review_modal(
            approval, 1, stamp=SEAL.value, person="U0ANA", place="C0APPROVALS", names=NAMES
        )
    )


@pytest.mark.parametrize(
    "result",
    [None, "x", '"' * 1000, BAD * 100],
    ids=["edited", "answered", "quotes", "invisible"],
)
@pytest.mark.parametrize("payload", PAYLOADS.values(), ids=PAYLOADS)
def test_the_fullest_changed_card_fits(payload: Any, result: str | None) -> None:
    """So is one that people change: it can be approved, reviewed and rejected to its end."""
    made = {**WORDS, "payload": {"a": 1}, "editable": True, "allow_override": True}
    approval = edited(payload, by=CROWD[0], result=result, **made)
    crowd = _voted(approval).votes
    for message in _messages(approval.model_copy(update={"votes": crowd})):
        accepted(message)
        assert REJECT in buttons(message)
        assert {APPROVE, REVIEW} & set(buttons(message))
    view_accepted(
        review_modal(
            approval, 1, stamp=SEAL.value, person="U0ANA", place="C0APPROVALS", names=NAMES
        )
    )


def test_room_is_made_from_the_end() -> None:
    """Further answers go first, and it is said; in an ordinary request nothing has to."""
    usual = asked(editable=True, allow_override=True, policy="rule 3", terms=TWO)
    full = asked(PAYLOADS["hosts"], **WORDS, editable=True, allow_override=True)
    for message in _messages(usual):
        assert [APPROVE, EDIT, ANSWER, SKIP, REJECT] == list(buttons(message))
        assert "have no room" not in str(message.blocks)
    for message in _messages(_voted(full)):
        assert [APPROVE, REJECT] == list(buttons(message))
        assert "have no room here: /signoff help" in str(message.blocks)
        accepted(message)


@pytest.mark.parametrize("payload", PAYLOADS.values(), ids=PAYLOADS)
def test_the_fullest_final_card_fits(payload: Any) -> None:
    """Every card can be brought to its final state."""
    approval = _voted(decided(Verdict.APPROVE, note=BAD * 1500, payload=payload, **WORDS))
    assert approval.decision is not None
    decision = approval.decision.model_copy(update={"override_result": BAD * 5000})
    for message in _messages(approval.model_copy(update={"decision": decision})):
        accepted(message)
