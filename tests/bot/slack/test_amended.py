"""What a person made of the question: shown whole, by whom, and nothing hidden beside Approve."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.inbox import Inbox
from bot.masking import Masking
from bot.messenger import Message
from bot.proof import Proof
from bot.slack.ids import ANSWER, APPROVE, EDIT, REJECT, REVIEW, SKIP
from bot.slack.render import card, details, direct, gone, home, listing, reply, review_modal
from bot.slack.render.payload import review_pages, shows_all
from gate import Approval, ApprovalAmended, Verdict, canonical_text

from ...golden import same_as_golden
from .checks import (
    accepted,
    all_text,
    blocks_of,
    buttons,
    nothing_hidden,
    preformatted,
    view_accepted,
)
from .examples import (
    ANA,
    ASKED,
    BEN,
    EDITED,
    LARGE,
    NAMES,
    PAYLOAD,
    TWO,
    agreed,
    answered,
    asked,
    decided,
    edited,
    later,
    stamp,
)
from .hostile import payloads, texts
from .notation import read_arguments

MASKING = Masking(secret=b"a secret of the tests, 32 bytes.")
SECRET = "ghp" + "_" + "a1B2c3D4" * 5
ALL = [APPROVE, EDIT, ANSWER, SKIP, REJECT]
OPEN: dict[str, Any] = {"editable": True, "allow_override": True, "terms": TWO}
POLICY = "rule 3 of billing.toml: deleting asks a person"
CARDS: dict[str, Approval] = {
    "pending_editable": asked(**OPEN, policy=POLICY),
    "pending_edited": edited(),
    "pending_edited_unnamed": edited(by=None),
    "pending_edited_masked": edited({"user_id": 42, "password": "hunter2!"}),
    "pending_answered": answered(),
    "pending_answered_lines": answered("Line one.\nLine \u202etwo.\n"),
    "pending_answered_nothing": answered(""),
    "pending_answered_masked": answered(f"The token is {SECRET}"),
    "pending_answered_too_long": answered("All work and no play.\n" * 130),
    "pending_answered_edited": edited(result="Done by hand."),
    "rejected_edited": edited().model_copy(
        update={
            name: getattr(decided(Verdict.DENY, by=BEN), name)
            for name in ("status", "decided_at", "decision", "decision_metadata")
        }
    ),
    "approved_answered": agreed(answered()),
    "approved_by_two_edited": agreed(edited()),
}


def drawn(approval: Approval, **how: Any) -> Message:
    return card(approval, stamp=stamp, names=NAMES, masking=MASKING, **how)


def page(approval: Approval, number: int = 1) -> dict[str, Any]:
    return review_modal(
        approval, number, stamp=stamp, person="U0ANA", place="C0APPROVALS", names=NAMES,
        masking=MASKING,
    )  # fmt: skip


def said(shown: Message | dict[str, Any]) -> str:
    return " ".join(all_text(blocks_of(shown)))


@pytest.mark.parametrize("name", CARDS)
def test_golden_card(name: str) -> None:
    """Each state as people see it."""
    shown = drawn(CARDS[name])
    accepted(shown)
    same_as_golden(f"card/{name}.json", {"text": shown.text, "blocks": shown.blocks})


@pytest.mark.parametrize(
    ("changes", "missing"),
    [
        ({}, []),
        ({"editable": False}, [EDIT]),
        ({"allow_override": False}, [ANSWER]),
        ({"terms": TWO.model_copy(update={"answers": ()})}, [EDIT, ANSWER, SKIP]),
        ({"terms": TWO.model_copy(update={"answers": ("edit",)})}, [ANSWER, SKIP]),
        ({"terms": TWO.model_copy(update={"answers": ("override",)})}, [EDIT, SKIP]),
        ({"terms": TWO.model_copy(update={"answers": ("skip",)})}, [EDIT, ANSWER]),
        ({"payload": [1, 2]}, [EDIT]),
        ({"payload": {"password": "hunter2!"}}, [APPROVE, EDIT, ANSWER]),
        ({"payload": LARGE}, [APPROVE, EDIT, ANSWER]),
    ],
)
def test_what_request_and_route_allow(changes: dict[str, Any], missing: list[str]) -> None:
    """Buttons stand where request and route allow them, and Edit where a form can be made."""
    approval = asked(**(OPEN | changes))
    offered = [action for action in ALL if action not in missing]
    surfaces = (
        drawn(approval),
        direct(approval, None, stamp=stamp, person="U0ANA", masking=MASKING),
        home(Inbox((approval,)), stamp=stamp, person="U0ANA", now=ASKED, masking=MASKING),
    )
    for shown in surfaces:
        assert offered == [action for action in buttons(shown) if action != REVIEW]
        assert (APPROVE in missing) is (REVIEW in buttons(shown))


@pytest.mark.parametrize("amended", [edited(), answered(), edited(result="x")])
def test_buttons_bind_what_stands(amended: Approval) -> None:
    """A card from before the change is out of date, and so is one of the change before."""
    digests: list[str] = []

    def kept(approval: Approval, *, surface: str, place: str) -> str:
        digests.append(approval.proposed_digest)
        return stamp(approval, surface=surface, place=place)

    card(amended, stamp=kept, names=NAMES)
    assert [amended.proposed_digest] == digests
    assert asked().proposed_digest != amended.proposed_digest


def test_it_says_who_changed_what() -> None:
    """The person, the kind of change, what a yes means now; all of it on every surface."""
    now: dict[str, Any] = {"now": ASKED}
    for approval, sign in ((edited(), "edited the arguments"), (answered(), "answers in place")):
        surfaces = (
            drawn(approval),
            direct(approval, None, stamp=stamp, person="U0BEN", names=NAMES),
            home(Inbox((approval,)), stamp=stamp, person="U0BEN", names=NAMES, **now),
            details(approval, names=NAMES),
            page(approval),
        )
        for shown in surfaces:
            assert sign in said(shown)
            assert "earlier approvals are void" in said(shown)
            assert "1 of 2 " in said(shown)
    for shown in (
        home(Inbox((), (edited(),), (agreed(answered()),)), stamp=stamp, person="U0BEN", **now),
        listing([edited(), answered()], total=2, **now),
    ):
        assert "📝 edited" in said(shown)
        assert "💬 answered in place of a run" in said(shown)


def test_the_policys_words_are_a_claim() -> None:
    """They stand where the agent's reason stands, under a label that says whose they are."""
    approval = asked(**OPEN, policy=POLICY)
    for shown in (
        drawn(approval),
        direct(approval, None, stamp=stamp, person="U0ANA"),
        home(Inbox((approval,)), stamp=stamp, person="U0ANA", now=ASKED),
        details(approval),
        page(approval),
    ):
        assert "The agent's policy says:" in said(shown)
        assert POLICY in said(shown)


@pytest.mark.parametrize("surface", ["card", "direct", "home"])
def test_a_result_that_is_not_whole_has_no_approve(surface: str) -> None:
    """P13: what the agent would get is part of what a yes is said to."""
    long = "word " * (650 if surface == "home" else 550)
    assert shows_all(answered("short"), surface)
    assert not shows_all(answered(long), surface)
    assert not shows_all(answered("short", payload={"a": "word " * 550}), surface)
    assert not shows_all(answered(f"with {SECRET}"), surface)


def test_a_long_result_is_reviewed() -> None:
    """The first page has all of it, before any page that leads to Approve."""
    approval = answered("All work and no play.\n" * 130)
    assert [REVIEW, SKIP, REJECT] == list(buttons(drawn(approval)))
    view = page(approval)
    view_accepted(view)
    same_as_golden("view/review_answered.json", view)
    shown = "\n".join(preformatted(view)[:-1])
    assert approval.proposed_result == read_arguments(shown)
    assert "submit" in view


def test_a_result_that_no_review_holds() -> None:
    """It is said where it can be decided."""
    approval = answered("All work and no play.\n" * 400)
    shown = drawn(approval)
    assert [SKIP, REJECT] == list(buttons(shown))
    assert "signoff approve delete-42" in said(shown)
    assert 1 < review_pages(approval)
    with pytest.raises(LookupError):
        page(approval)


def test_a_masked_result_is_not_approved() -> None:
    """It cannot be revealed here, so it cannot be seen."""
    approval = answered(f"The token is {SECRET}")
    shown = drawn(approval)
    assert [SKIP, REJECT] == list(buttons(shown))
    assert "the result looks like a secret" in said(shown)
    assert "submit" not in page(approval)
    for surface in (
        shown,
        page(approval),
        home(Inbox((approval,)), stamp=stamp, person="U0ANA", now=ASKED),
        details(approval),
        drawn(agreed(approval)),
    ):
        assert SECRET not in json.dumps(surface, default=vars)


@pytest.mark.parametrize("flaw", ["amendment", "receipt"])
def test_what_somebody_else_made_of_it_is_not_shown(flaw: str) -> None:
    """A forged change is an alarm; what the agent asked stands there."""
    shown = drawn(edited(), proof=Proof(flaw=flaw))
    assert buttons(shown) == {}
    assert PAYLOAD == read_arguments(preformatted(shown)[-1])
    assert "edited" not in said(shown)


CHANGES: dict[str, tuple[ApprovalAmended, Approval]] = {}


def _change(approval: Approval, **changes: Any) -> ApprovalAmended:
    fields: dict[str, Any] = {
        "id": approval.id,
        "at": later(2),
        "principal": ANA,
        "digest": approval.effective_digest,
        "override": approval.proposed_result is not None,
        "surface": "edit",
    }
    return ApprovalAmended(**(fields | changes))


SECRETIVE = edited(
    {"user_id": 43, "password": "other-one"}, payload={"user_id": 42, "password": "hunter2!"}
)
CHANGES |= {
    "edited": (_change(edited()), edited()),
    "edited_unnamed": (_change(edited(by=None), principal=None), edited(by=None)),
    "edited_since_by_another": (_change(edited(by=BEN)), edited(by=BEN)),
    "edited_and_decided": (_change(edited()), agreed(edited())),
    "edited_masked": (_change(SECRETIVE), SECRETIVE),
    "edited_since": (_change(edited()), edited({"user_id": 1})),
    "edited_since_by_result": (_change(edited()), edited(result="x")),
    "edited_since_back": (_change(edited()), asked(**OPEN)),
    "edited_at_another_time": (_change(edited(), at=later(1)), edited()),
    "answered": (_change(answered()), answered()),
    "answered_and_decided": (_change(answered()), agreed(answered())),
    "answered_masked": (_change(answered()), answered(f"The token is {SECRET}")),
    "answered_since": (_change(answered()), edited()),
    "back": (_change(asked(), override=False), asked(**OPEN)),
    "back_since": (_change(asked(), override=False), edited()),
}


@pytest.mark.parametrize("name", CHANGES)
def test_golden_change(name: str) -> None:
    """The thread tells what was made of it, from the record or not at all."""
    event, approval = CHANGES[name]
    told = reply(event, approval, masking=MASKING)
    assert told is not None
    accepted(told)
    same_as_golden(f"thread/changed_{name}.json", {"text": told.text, "blocks": told.blocks})


@pytest.mark.parametrize("name", [name for name in CHANGES if "since" in name or "time" in name])
def test_a_change_that_is_gone_is_not_made_up(name: str) -> None:
    """What the record does not have any more is not shown as what was changed then, by anybody."""
    told = reply(*CHANGES[name])
    assert gone(CHANGES[name][0]) == told
    assert told is not None
    assert [] == preformatted(told)


def test_no_secret_in_a_thread() -> None:
    """Values stay masked on both sides of a diff, and in a result."""
    for name in ("edited_masked", "answered_masked"):
        told = reply(*CHANGES[name])
        assert [] == [word for word in ("hunter2!", "other-one", SECRET) if word in repr(told)]


@settings(deadline=None)  # each example is judged by four validators
@given(st.one_of(payloads, st.just(EDITED)), st.none() | texts, texts, texts)
def test_nothing_hidden_beside_approve(
    payload: Any, result: str | None, policy: str, person: str
) -> None:
    """P13: beside Approve both what would run and the result read back to the character."""
    approval = edited(payload, by=person or None, result=result, policy=policy)
    if approval.amendment is not None and (approval.amendment.digest, result) == (None, None):
        return
    surfaces = (
        card(approval, stamp=stamp, names={person: policy}),
        direct(approval, None, stamp=stamp, person="U0ANA", names={person: policy}),
        home(Inbox((approval,)), stamp=stamp, person="U0ANA", now=ASKED),
    )
    for shown in surfaces:
        for text in all_text(blocks_of(shown)):
            nothing_hidden(text)
        if APPROVE not in buttons(shown):
            assert {EDIT, ANSWER}.isdisjoint(buttons(shown))
            continue
        parts = preformatted(shown)
        if result is not None:
            assert result == read_arguments(parts[-2 if payload not in (None, {}) else -1])
        if payload not in (None, {}):
            assert canonical_text(payload) == canonical_text(read_arguments(parts[-1]))
    told = reply(_change(approval, principal=person or None), approval)
    assert told is not None
    accepted(told)
