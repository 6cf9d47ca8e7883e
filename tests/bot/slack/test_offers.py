"""What is offered besides yes and no: where its buttons are, and the words where they are not."""

from __future__ import annotations

from typing import Any

import pytest

from bot.inbox import Inbox
from bot.masking import Masking
from bot.slack.ids import ANSWER, APPROVE, EDIT, PAGE, REJECT, REVEAL, REVIEW, SKIP
from bot.slack.render import PageKind, card, details, direct, home, review_modal, review_pages
from gate import Approval

from ...golden import same_as_golden
from .checks import accepted, all_text, buttons, view_accepted
from .examples import ASKED, LARGE, NAMES, TERMS, asked, stamp

MASKING = Masking(secret=b"a secret of the tests, 32 bytes.")
NO_FORM: dict[str, Any] = {"text": "x " * 1501 + "x"}
"""Whole on no card, and too long for an input."""
LIST = ["a", "list"]
LONG: dict[str, Any] = {"dry_run": True, "rows": LARGE["rows"][:250]}
SECRET: dict[str, Any] = {"user": "ana", "password": "hunter2!"}


def offering(payload: Any, **changes: Any) -> Approval:
    return asked(payload, **{"editable": True, "allow_override": True, **changes})


def page(approval: Approval, number: int, kind: PageKind = PageKind.PLAIN) -> dict[str, Any]:
    view = review_modal(
        approval, number, stamp=stamp, person="U0ANA", place="C0APPROVALS", kind=kind,
        names=NAMES, masking=MASKING,
    )  # fmt: skip
    view_accepted(view)
    return view


def said(shown: Any) -> str:
    return "\n".join(all_text(shown["blocks"] if isinstance(shown, dict) else list(shown.blocks)))


def test_golden_last_page_that_leads_on():
    """Where all was sent, Edit and Answer instead stand beside Approve."""
    view = page(offering(LONG), 3)
    same_as_golden("view/review_offering.json", view)
    assert {EDIT, ANSWER, REJECT} < set(buttons(view))
    assert "submit" in view


def test_no_page_before_the_last_leads_on():
    """It says where they are; the values that open the forms stand on the last page only."""
    approval = offering(LONG)
    last = review_pages(approval)
    assert 3 == last
    for number in range(1, last):
        view = page(approval, number)
        assert set() == {EDIT, ANSWER} & set(buttons(view))
        assert "Approve, Edit… and Answer instead… are on page 3" in said(view)
        assert " whole at " not in str(view)
    leading = buttons(page(approval, last))
    sealed = stamp(approval, surface=f"review:{last}/{last} whole", place="U0ANA")
    assert {sealed} == {leading[EDIT], leading[ANSWER]}
    assert sealed != leading[REJECT]
    assert sealed != buttons(page(approval, last - 1))[PAGE]


def test_a_page_with_something_masked_does_not_lead_on():
    """Revealed it does; who passed it masked finds neither Approve nor the others."""
    masked = page(offering(SECRET), 1)
    assert {REVEAL, REJECT} == set(buttons(masked))
    revealed = page(offering(SECRET), 1, PageKind.REVEALED)
    assert {EDIT, ANSWER, REJECT} == set(buttons(revealed))
    away = page(offering({**LONG, "password": "hunter2!"}), 3, PageKind.MASKED)
    assert set() == {EDIT, ANSWER} & set(buttons(away))


@pytest.mark.parametrize(
    ("changes", "offered"),
    [
        ({}, {EDIT, ANSWER}),
        ({"editable": False}, {ANSWER}),
        ({"allow_override": False}, {EDIT}),
        ({"terms": TERMS.model_copy(update={"answers": ()})}, set()),
        ({"terms": TERMS.model_copy(update={"answers": ("edit",)})}, {EDIT}),
    ],
)
def test_a_review_offers_what_request_and_route_allow(changes: dict[str, Any], offered: set[str]):
    """As on the card."""
    view = page(offering({"a": 1}, **changes), 1)
    assert offered == {EDIT, ANSWER} & set(buttons(view))
    shown = card(offering({"a": 1}, **changes), stamp=stamp)
    assert offered == {EDIT, ANSWER} & set(buttons(shown))


def test_golden_last_page_without_a_form():
    """Why there is no Edit button, and where it can be edited."""
    view = page(offering({**NO_FORM, "password": "hunter2!"}), 1, PageKind.REVEALED)
    same_as_golden("view/review_no_form.json", view)
    assert {ANSWER, REJECT} == set(buttons(view))
    assert "it is too long for an input; it looks like a secret" in said(view)
    assert "signoff approve delete-42 --edit FILE" in said(view)


def test_golden_card_without_a_form():
    """A button that request and route would allow is missed with a reason."""
    shown = card(offering(LIST, namespace="prod"), stamp=stamp, names=NAMES)
    accepted(shown)
    same_as_golden("card/pending_no_form.json", shown.blocks)
    assert [APPROVE, ANSWER, SKIP, REJECT] == list(buttons(shown))
    assert "signoff approve delete-42 --namespace prod --edit FILE" in said(shown)


def test_the_reason_stands_wherever_the_button_would():
    """On the copy for one person and in the home, too; not where it is not offered at all."""
    inbox = Inbox(needs_you=(offering(LIST),))
    surfaces = [
        card(offering(LIST), stamp=stamp),
        direct(offering(LIST), None, stamp=stamp, person="U0ANA"),
        home(inbox, stamp=stamp, person="U0ANA", now=ASKED),
    ]
    assert [True] * 3 == ["Only arguments with names" in said(each) for each in surfaces]
    for silent in (asked(LIST), offering({}), offering(None), offering(LIST, terms=None)):
        assert "No Edit button" not in said(card(silent, stamp=stamp))


def test_where_the_review_leads_is_said_before():
    """The card and the home name what can be done at its end."""
    there = card(offering(LONG), stamp=stamp)
    assert [REVIEW, SKIP, REJECT] == list(buttons(there))
    assert "on 3 pages, and lets you approve, edit or answer instead there." in said(there)
    assert "lets you approve there" in said(card(asked(LONG), stamp=stamp))
    masked = card(offering(SECRET, allow_override=False), stamp=stamp, masking=MASKING)
    assert "may answer, and lets you approve or edit there." in said(masked)
    row = home(Inbox(needs_you=(offering(LONG),)), stamp=stamp, person="U0ANA", now=ASKED)
    assert "Approve, Edit… and Answer instead… are there." in said(row)


@pytest.mark.parametrize("editable", [True, False])
def test_what_no_review_holds_names_the_command_line(editable: bool):
    """There it can be edited as well, where that is allowed; the command can be typed as it is."""
    approval = asked({"k" * 200: 1}, editable=editable, namespace="prod")
    shown = said(card(approval, stamp=stamp))
    assert "signoff approve delete-42 --namespace prod" in shown
    assert editable is ("(--edit FILE edits them)" in shown)
    assert "signoff show delete-42 --namespace prod" in said(details(approval))
