"""Secrets on every surface: a mark in their place, no Approve beside it, a page to reveal them."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.inbox import Inbox
from bot.masking import Masking
from bot.slack.ids import APPROVE, PAGE, PAGE_BACK, REJECT, REVEAL, REVIEW, SKIP
from bot.slack.render import (
    PageKind,
    card,
    details,
    direct,
    home,
    page_surface,
    reply,
    review_modal,
)
from bot.slack.render.payload import arguments, pages_of, review_pages, shows_all
from gate import Approval, ApprovalVoted, Verdict, canonical_text

from ...golden import same_as_golden
from .checks import accepted, buttons, preformatted, view_accepted
from .examples import ASKED, NAMES, TERMS, asked, decided, stamp
from .hostile import payloads, texts
from .notation import read_arguments

MASKING = Masking(secret=b"a secret of the tests, 32 bytes.")
GITHUB = "ghp" + "_" + "a1B2c3D4" * 5
PEM = "-----BEGIN PRIVATE " + "KEY-----\nMIIBsecretsecret\n-----END PRIVATE KEY-----"
PAYLOAD: dict[str, Any] = {
    "user": "ana",
    "password": "hunter2!",
    "command": f'curl -H "Authorization: Bearer {GITHUB}" https://bob:s3cr3t@example.com/',
    "file": f"user: ana\n{PEM}\nport: 22\n",
    "pin_token": 123456,
    "env": [{"name": "DB_PASSWORD", "value": "pass with spaces"}],
}
SECRETS = ("hunter2!", GITHUB, "s3cr3t", "secretsecret", "123456", "pass with spaces")
LONG = {
    "rows": [f"row {number}" for number in range(250)],
    "password": "hunter2!",
    "more": [f"row {number}" for number in range(250)],
}
"""Three pages; the second one has the password."""
SEALED = TERMS.model_copy(update={"reveal": False})


def page(approval: Approval, number: int, kind: PageKind = PageKind.PLAIN) -> dict[str, Any]:
    return review_modal(
        approval, number, stamp=stamp, person="U0ANA", place="C0APPROVALS", kind=kind,
        names=NAMES, masking=MASKING,
    )  # fmt: skip


def leads(view: dict[str, Any]) -> dict[str, str]:
    """Return what the buttons are sealed for."""
    return {
        action: value.split(" on ")[1].split(" at ")[0] for action, value in buttons(view).items()
    }


def test_golden_masked_card() -> None:
    """The card shows all but the secrets, and says why there is Review in place of Approve."""
    shown = card(asked(PAYLOAD), stamp=stamp, names=NAMES, masking=MASKING)
    accepted(shown)
    assert [REVIEW, SKIP, REJECT] == list(buttons(shown))
    same_as_golden("card/pending_masked.json", shown.blocks)


def test_golden_sealed_card() -> None:
    """Where the route reveals nothing there is Reject only."""
    shown = card(asked(PAYLOAD, terms=SEALED), stamp=stamp, names=NAMES, masking=MASKING)
    accepted(shown)
    assert [SKIP, REJECT] == list(buttons(shown))
    same_as_golden("card/pending_masked_sealed.json", shown.blocks)


def test_golden_masked_review() -> None:
    """Masked at first, with Reveal; then whole, with Approve."""
    for name, kind in (("masked", PageKind.PLAIN), ("revealed", PageKind.REVEALED)):
        view = page(asked(PAYLOAD), 1, kind)
        view_accepted(view)
        same_as_golden(f"view/review_{name}.json", view)
        assert (kind is PageKind.REVEALED) is ("submit" in view)
        assert (kind is PageKind.REVEALED) is (REVEAL not in buttons(view))


@pytest.mark.parametrize("terms", [TERMS, SEALED])
def test_no_secret_on_any_surface(terms: Any) -> None:
    """Only a revealed page has the values; words hide theirs too."""
    said = f"with {GITHUB}"
    pending = asked(PAYLOAD, terms=terms, reason=said, name=said, agent=said, run=said)
    ended = decided(Verdict.DENY, payload=PAYLOAD, note=said)
    voted = ApprovalVoted(id="x", at=ASKED, principal="p", verdict=Verdict.DENY, note=said)
    how: dict[str, Any] = {"stamp": stamp, "names": NAMES, "masking": MASKING}
    inbox = Inbox((pending,), (pending,), (ended,))
    surfaces = [
        *(card(each, **how) for each in (pending, ended)),
        *(direct(each, None, person="U0ANA", **how) for each in (pending, ended)),
        home(inbox, person="U0ANA", now=ASKED, **how),
        details(pending, masking=MASKING),
        reply(voted, pending, masking=MASKING),
        page(pending, 1),
        page(asked(PAYLOAD, terms=terms), 1),
    ]
    for shown in surfaces:
        text = json.dumps(shown, default=vars, ensure_ascii=False)
        assert [] == [secret for secret in SECRETS if secret in text]
    for secret in SECRETS:
        revealed = json.dumps(page(asked(PAYLOAD), 1, PageKind.REVEALED), ensure_ascii=False)
        assert secret in revealed


def test_without_a_word_of_the_caller_secrets_are_masked() -> None:
    """Who forgets to say what masks gets the defaults, never the value."""
    shown = card(asked(PAYLOAD), stamp=stamp)
    assert [] == [secret for secret in SECRETS if secret in json.dumps(shown.blocks)]
    assert not shows_all(asked(PAYLOAD), "card")


def test_approve_needs_every_page_in_full() -> None:
    """P13: the chain of seals goes on from a masked page only once it is revealed."""
    approval = asked(LONG)
    pages = review_pages(approval, masking=MASKING)
    assert pages == 3
    plain = [page(approval, number) for number in (1, 2, 3)]
    surfaces = {kind: [page_surface(n, 3, kind) for n in (1, 2, 3)] for kind in PageKind}
    assert {PAGE: surfaces[PageKind.PLAIN][1], REJECT: surfaces[PageKind.PLAIN][0]} == leads(
        plain[0]
    )
    assert {
        PAGE_BACK: surfaces[PageKind.PLAIN][0],
        REVEAL: surfaces[PageKind.REVEAL][1],
        PAGE: surfaces[PageKind.MASKED][2],
        REJECT: surfaces[PageKind.PLAIN][1],
    } == leads(plain[1])
    assert surfaces[PageKind.PLAIN][2] == leads(page(approval, 2, PageKind.REVEALED))[PAGE]
    assert ["submit" in view for view in plain] == [False, False, True]
    away = page(approval, 3, PageKind.MASKED)
    assert ("submit" in away, REVEAL in buttons(away)) == (False, False)
    assert surfaces[PageKind.MASKED][1] == leads(away)[PAGE_BACK]
    back = page(approval, 2, PageKind.MASKED)
    assert (surfaces[PageKind.MASKED][2], False) == (leads(back)[PAGE], REVEAL in buttons(back))
    # Before the first page nothing can have been missed: there it begins again.
    assert leads(plain[0]) == leads(page(approval, 1, PageKind.MASKED))


def test_a_sealed_route_has_no_reveal_and_no_approve() -> None:
    """Every page can be read, and none leads to Approve."""
    approval = asked(LONG, terms=SEALED)
    for number in (1, 2, 3):
        for kind in (PageKind.PLAIN, PageKind.MASKED):
            view = page(approval, number, kind)
            assert REVEAL not in buttons(view)
            if number == 2:
                assert page_surface(3, 3, PageKind.MASKED) == leads(view)[PAGE]
    assert "submit" not in page(approval, 3, PageKind.MASKED)


def test_a_name_that_holds_a_secret() -> None:
    """What the action is called cannot be revealed, so there is no Approve anywhere."""
    approval = asked({"a": 1}, name=f"deploy {GITHUB}")
    shown = card(approval, stamp=stamp, masking=MASKING)
    assert APPROVE not in buttons(shown)
    assert not shows_all(approval, "card", masking=MASKING)
    assert "submit" not in page(approval, 1)


def test_the_marks_are_ours() -> None:
    """A text that imitates a mark is shown with its brackets named."""
    fake = "⟦masked, 4 characters, fingerprint 00000000⟧"
    shown = arguments({"a": fake, fake: 1})
    assert "⟦" not in shown.text
    assert {"a": fake, fake: 1} == read_arguments(shown.text)


secret_payloads = st.recursive(
    st.one_of(payloads, texts.map(lambda text: f"{text} {GITHUB} {text}"), st.just(PEM)),
    lambda inner: (
        st.dictionaries(
            st.one_of(texts, st.sampled_from(["password", "token", GITHUB, "name", "value"])),
            inner,
            max_size=3,
        )
        | st.lists(inner, max_size=3)
    ),
    max_leaves=6,
)


@given(secret_payloads)
def test_the_revealed_pages_hold_everything(payload: Any) -> None:
    """P13: revealed, the pages read back to the payload; masked, they hold no secret of it."""
    pages = pages_of(MASKING.payload(payload))
    if pages is None:
        return
    revealed = "\n".join(each.revealed for each in pages)
    assert canonical_text(payload) == canonical_text(read_arguments(revealed))
    for each in pages:
        assert GITHUB not in each.text
        assert "MIIBsecretsecret" not in each.text
        assert bool(each.spots) is (each.text != each.revealed)


def test_a_long_text_with_one_secret() -> None:
    """A page shows what is its own, and a line that is masked over several pages is one row."""
    script = "\n".join(f"echo line {number} of it" for number in range(500))
    pages = pages_of(MASKING.payload({"script": f"{script}\n# {GITHUB}\n{script}"}))
    assert pages is not None
    assert 1 == sum(bool(each.spots) for each in pages)
    assert 7 > len(pages)
    line = pages_of(MASKING.payload({"line": "word " * 8000 + GITHUB}))
    assert line is not None
    assert all(each.spots and len(each.text) < 200 for each in line)


def test_pages_do_not_move() -> None:
    """What a page reveals changes no other: the cuts are the same masked or not."""
    masked = pages_of(MASKING.payload(LONG))
    plain = pages_of(LONG)
    assert masked is not None
    assert plain is not None
    assert [each.text for each in plain] == [each.revealed for each in masked]
    assert 1 == len(preformatted(page(asked(PAYLOAD), 1)))
