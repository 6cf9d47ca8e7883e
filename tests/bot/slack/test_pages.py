"""The review: page by page, everything that would run, and Approve behind the last page only."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings

from bot.slack.ids import PAGE, PAGE_BACK, REJECT, REVIEW_FORM
from bot.slack.render import ReviewForm, page_surface, review_modal, review_pages
from bot.slack.render.payload import REVIEW_LIMIT
from gate import Approval, InvalidId, Verdict, canonical_text

from ...golden import same_as_golden
from .checks import all_text, buttons, preformatted, view_accepted
from .examples import ANA, LARGE, NAMES, SEAL, TRICKY, asked, decided, stamp
from .hostile import payloads, texts
from .notation import read_arguments

CHANNEL = "C0APPROVALS"


def _page(approval: Approval, page: int, **more: Any) -> dict[str, Any]:
    return review_modal(
        approval, page, stamp=stamp, person="U0ANA", place=CHANNEL, names=NAMES, **more
    )


def _all(approval: Approval) -> list[dict[str, Any]]:
    return [_page(approval, page) for page in range(1, review_pages(approval) + 1)]


@pytest.mark.parametrize("page", [1, 2, 3])
def test_golden_review(page: int) -> None:
    """The first page, one in between, and the last."""
    approval = asked({"rows": LARGE["rows"][:250]})
    assert review_pages(approval) == 3
    view = _page(approval, page)
    view_accepted(view)
    same_as_golden(f"view/review_{page}.json", view)


def test_golden_review_of_one_page() -> None:
    """A payload of one page is a form at once; a notice says why it opened."""
    view = _page(asked(TRICKY), 1, notice="You have not seen all of it yet.")
    view_accepted(view)
    same_as_golden("view/review_single.json", view)


def test_approve_is_on_the_last_page_only() -> None:
    """P13: no page but the last can be submitted; Reject is on every page."""
    views = _all(asked(LARGE))
    assert len(views) > 3
    assert [False] * (len(views) - 1) + [True] == ["submit" in view for view in views]
    for view in views:
        view_accepted(view)
        assert view["callback_id"] == REVIEW_FORM
        assert REJECT in buttons(view)
    assert [PAGE in buttons(view) for view in views] == [True] * (len(views) - 1) + [False]
    assert [PAGE_BACK in buttons(view) for view in views] == [False] + [True] * (len(views) - 1)


def test_only_the_page_before_knows_the_next() -> None:
    """P13: a page's sealed value stands nowhere before the modal that leads to it.

    So whoever brings back the last page's value was sent every page. Going back is free.
    """
    approval = asked(LARGE)
    views = _all(approval)
    for number, view in enumerate(views, start=1):
        text = json.dumps(view)
        for other in range(1, len(views) + 1):
            value = stamp(approval, surface=page_surface(other, len(views)), place="U0ANA")
            assert (abs(other - number) <= 1) is (value in text)


def test_what_a_page_brings_back() -> None:
    """Page, pages, place and the sealed value come back as they were; the seal opens for them."""
    approval = asked(LARGE)
    count = review_pages(approval)
    for page in (1, count):
        view = review_modal(approval, page, stamp=SEAL.value, person="U0ANA", place=CHANNEL)
        form = ReviewForm.parse(view)
        assert (page, count, CHANNEL, page == count) == (
            form.page,
            form.pages,
            form.place,
            form.last,
        )
        assert SEAL.open(form.value, surface=page_surface(page, count), place="U0ANA").fits(
            approval
        )


@pytest.mark.parametrize(
    "changed",
    [
        {"callback_id": "other"},
        {"private_metadata": ""},
        {"private_metadata": "[]"},
        {"private_metadata": None},
        {"private_metadata": "[" * 5000},
        {"private_metadata": json.dumps({"v": 1, "c": CHANNEL, "p": 1, "n": 1})},
        {"private_metadata": json.dumps({"v": "x", "c": CHANNEL, "p": 0, "n": 1})},
        {"private_metadata": json.dumps({"v": "x", "c": CHANNEL, "p": 2, "n": 1})},
        {"private_metadata": json.dumps({"v": "x", "c": CHANNEL, "p": 1, "n": 21})},
        {"private_metadata": json.dumps({"v": "x", "c": CHANNEL, "p": True, "n": True})},
    ],
)
def test_other_views_are_refused(changed: dict[str, Any]) -> None:
    """What is no page of ours brings nothing back."""
    with pytest.raises(InvalidId):
        ReviewForm.parse(_page(asked(), 1) | changed)


@pytest.mark.parametrize("page", [0, 2, -1])
def test_there_is_no_other_page(page: int) -> None:
    """A number out of range opens nothing."""
    with pytest.raises(LookupError):
        _page(asked(), page)


def test_what_cannot_be_reviewed_has_no_page() -> None:
    """More pages than allowed are not begun."""
    with pytest.raises(LookupError):
        _page(asked({"a" * 200: 1}), 1)


@settings(deadline=None)  # each example is judged by four validators
@given(payloads, texts.filter(bool), texts)
def test_the_pages_hold_everything(payload: Any, name: str, reason: str) -> None:
    """P13: what stands on the pages reads back to the payload, whatever an agent sends."""
    approval = asked(payload, name=(name * 30)[:200], agent=name[:200], reason=reason)
    count = review_pages(approval)
    if count > REVIEW_LIMIT:
        return
    views = _all(approval)
    rows = []
    for view in views:
        view_accepted(view)
        said = [text for text in all_text(view["blocks"]) if text.startswith("Arguments")]
        assert len(said) == 1
        rows += _arguments_of(view)
    assert canonical_text(payload) == canonical_text(read_arguments("\n".join(rows)))


def _arguments_of(view: dict[str, Any]) -> list[str]:
    """Return the texts of the blocks under the heading, as a reader finds them."""
    found: list[str] = []
    begun = False
    for block in view["blocks"]:
        heads = [text for text in all_text(block) if text.startswith("Arguments")]
        begun = begun or bool(heads)
        if begun and block["type"] == "rich_text":
            here = preformatted({"blocks": [block]})
            if not here:
                break
            found += here
    return found


def test_a_second_approver_sees_who_answered() -> None:
    """The first page tells who may answer, and who did."""
    vote = decided(Verdict.APPROVE, by=ANA).votes[0]
    view = _page(asked().model_copy(update={"votes": (vote,)}), 1)
    view_accepted(view)
    said = "".join(all_text(view["blocks"]))
    assert "Answers so far: ✅ userU0ANA" in said.replace("text", "")


def test_the_largest_page_stays_below_the_limit_of_a_view() -> None:
    """Slack takes 250,000 bytes; people take less."""
    approval = asked(["\u4e2d" * 70] * 900)
    sizes = [len(json.dumps(view)) for view in _all(approval)]
    assert len(sizes) > 5
    assert max(sizes) < 100_000
