"""The copy of the card in a direct message: the same content, the same rule, one person."""

from __future__ import annotations

from typing import Any

import pytest

from bot.messenger import Message
from bot.slack.ids import APPROVE, REJECT, REVIEW, SKIP
from bot.slack.render import direct
from gate import Approval, Verdict

from ...golden import same_as_golden
from .checks import accepted, all_text, buttons, leaves, preformatted
from .examples import BEN, LARGE, NAMES, asked, decided, ended, expired, stamp

LINK = "https://acme.slack.com/archives/C0APPROVALS/p1795318458864560"


def _direct(approval: Approval, link: str | None = LINK) -> Message:
    return direct(approval, link, stamp=stamp, person="U0ANA", names=NAMES)


STATES: dict[str, tuple[Approval, str | None]] = {
    "pending": (asked(), LINK),
    "pending_without_link": (asked(), None),
    "pending_large": (asked(LARGE), LINK),
    "rejected": (decided(Verdict.DENY, by=BEN, note="Not on a Friday."), LINK),
    "done": (ended(), LINK),
    "expired": (expired(), LINK),
}


@pytest.mark.parametrize("name", STATES)
def test_golden_direct(name: str) -> None:
    """Each state as the one person sees it."""
    message = _direct(*STATES[name])
    accepted(message)
    same_as_golden(f"direct/{name}.json", {"text": message.text, "blocks": message.blocks})


@pytest.mark.parametrize(
    ("payload", "labels"), [({"a": 1}, {APPROVE, SKIP, REJECT}), (LARGE, {REVIEW, SKIP, REJECT})]
)
def test_its_buttons_are_the_cards(payload: Any, labels: set[str]) -> None:
    """P13: Approve only beside the whole payload; sealed for this person."""
    approval = asked(payload)
    made = buttons(_direct(approval))
    assert labels == set(made)
    assert {stamp(approval, surface="direct", place="U0ANA")} == set(made.values())


@pytest.mark.parametrize("approval", [decided(Verdict.APPROVE), ended(), expired()])
def test_it_ends_like_the_card(approval: Approval) -> None:
    """P14: what was decided elsewhere leaves nothing to click, and the payload stays."""
    message = _direct(approval)
    assert buttons(message) == {}
    assert len(preformatted(message)) == 1
    assert any("nothing left to decide" in text for text in all_text(list(message.blocks)))


@pytest.mark.parametrize("name", STATES)
def test_nobody_is_called(name: str) -> None:
    """It is written to one person; a mention calls from mrkdwn, and there is none in it."""
    message = _direct(*STATES[name])
    assert "<@" not in message.text
    assert [] == [text for text in leaves(list(message.blocks), "mrkdwn") if "<@" in text]
