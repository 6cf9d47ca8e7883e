"""The card: one golden per state, whole payloads beside Approve, nothing foreign in our frame."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.messenger import Message
from bot.proof import Proof
from bot.slack import render
from bot.slack.ids import APPROVE, REJECT, REVIEW, SKIP
from bot.slack.render.payload import arguments
from bot.slack.render.status import State, state_of
from bot.slack.render.titles import title
from gate import Approval, Quorum, Rung, Terms, Verdict, Vote, canonical_text

from ...golden import same_as_golden
from .checks import accepted, all_text, buttons, leaves, preformatted
from .examples import (
    ANA,
    ASKED,
    BEN,
    CHANGE,
    CHO,
    NAMES,
    OWNERS,
    SEAL,
    TERMS,
    TRICKY,
    asked,
    cancelled,
    decided,
    ended,
    expired,
    later,
    running,
    stamp,
)
from .hostile import payloads, texts
from .notation import read_arguments


def card(approval: Approval, **how: Any) -> Message:
    """The card with seals that can be read."""
    return render.card(approval, stamp=stamp, **how)


QUIET = TERMS.model_copy(update={"notify": ()})
TWO_GROUPS = Terms(
    channel="C0APPROVALS",
    quorums=(Quorum(name="owners", of=(OWNERS, ANA), needed=2), Quorum(name="security", of=(CHO,))),
)


def _voted() -> Approval:
    approval = asked(terms=TWO_GROUPS, version=3)
    vote = Vote(
        principal=ANA, verdict=Verdict.APPROVE, at=later(1), digest=approval.digest, surface="card"
    )
    return approval.model_copy(update={"votes": (vote,)})


def _quorum(*votes: tuple[str, Verdict]) -> Approval:
    """Two owners and one of security are asked; two rejections end it."""
    approval = asked(terms=TWO_GROUPS.model_copy(update={"deny_threshold": 2}), version=4)
    given = tuple(
        Vote(principal=who, verdict=verdict, at=later(1), digest=approval.digest, surface="card")
        for who, verdict in votes
    )
    return approval.model_copy(update={"votes": given})


def _edited() -> Approval:
    approval = decided(Verdict.APPROVE)
    payload = {"user_id": 42, "tier": "42", "dry_run": True}
    return approval.model_copy(
        update={
            "decision": approval.decision
            and approval.decision.model_copy(
                update={"payload": payload, "digest": approval.digest_of(payload)}
            ),
        }
    )


STATES: dict[str, tuple[Approval, dict[str, Any]]] = {
    "pending": (asked(), {}),
    "pending_names": (asked(terms=QUIET), {"names": NAMES}),
    "pending_ids": (asked(terms=QUIET), {}),
    "pending_namespace": (asked(namespace="prod", run=None, reason=None), {}),
    "pending_no_arguments": (asked(None), {}),
    "pending_empty_object": (asked({}), {}),
    "pending_tricky": (asked(TRICKY, name="run sql", reason="Line one.\nLine \u202etwo."), {}),
    "pending_long_names": (asked(name="n" * 200, agent="an agent " * 20), {}),
    "pending_too_long": (asked({"body": "All work and no play.\n" * 300}), {}),
    "pending_too_long_for_slack": (asked({"body": "a\n" * 9000}), {}),
    "pending_too_wide_for_slack": (asked({"key_" * 40: True}), {}),
    "pending_change": (asked(CHANGE, name="edit-file"), {}),
    "pending_lookalike": (asked({"url": "https://\u0440\u0430ypal.com/pay"}, name="p\u0430y"), {}),
    "pending_votes": (_voted(), {}),
    "pending_quorum": (_quorum((ANA, Verdict.APPROVE), (CHO, Verdict.DENY)), {}),
    "pending_not_routed": (asked(terms=None, version=1), {}),
    "approved": (decided(Verdict.APPROVE), {}),
    "approved_edited": (_edited(), {}),
    "running": (running(), {}),
    "done": (ended(), {}),
    "failed": (ended(error="TimeoutError", seconds=61), {}),
    "unknown": (running(), {"overdue": True}),
    "rejected": (decided(Verdict.DENY, by=BEN, note="Not on a Friday.\nAsk me on Monday."), {}),
    "skipped": (decided(Verdict.SKIP, by="cli:ben"), {}),
    "cancelled": (cancelled(by="billing", reason="The invoice was paid."), {}),
    "undeliverable": (cancelled(undeliverable="no_route"), {}),
    "expired": (expired(), {}),
    "unconfirmed": (decided(Verdict.APPROVE), {"proof": Proof(confirmed=False)}),
    "forged_approved": (_edited(), {"proof": Proof(flaw="receipt")}),
    "forged_rejected": (decided(Verdict.DENY, note="no"), {"proof": Proof(flaw="receipt")}),
    "tampered": (_voted(), {"proof": Proof(flaw="votes")}),
    "tampered_over": (decided(Verdict.APPROVE), {"proof": Proof(flaw="votes")}),
}


@pytest.mark.parametrize("name", STATES)
def test_golden_card(name: str) -> None:
    """The card of each state is what the golden file shows, and every validator takes it."""
    approval, how = STATES[name]
    message = card(approval, **how)
    accepted(message)
    same_as_golden(f"card/{name}.json", {"text": message.text, "blocks": message.blocks})


def test_every_state_has_a_golden() -> None:
    """No state that a card can show is without a picture."""
    shown = {
        state_of(approval, overdue=how.get("overdue", False), flaw=how.get("proof", Proof()).flaw)
        for approval, how in STATES.values()
    }
    assert set(State) == shown


@pytest.mark.parametrize("name", [name for name in STATES if not name.startswith("pending")])
def test_final_cards_have_no_buttons_and_keep_the_payload(name: str) -> None:
    """What was decided stays readable, and nothing is left to click."""
    approval, how = STATES[name]
    message = card(approval, **how)
    assert buttons(message) == {}
    forged = how.get("proof", Proof()).flaw == "receipt"
    payload = approval.payload if forged else approval.effective_payload
    assert [arguments(payload).text] == preformatted(message)


@pytest.mark.parametrize("name", ["forged_approved", "forged_rejected"])
def test_a_decision_of_somebody_else_is_not_told_as_one(name: str) -> None:
    """What has no receipt is an alarm: nobody is named, no reason and no edit is shown."""
    approval, how = STATES[name]
    message = card(approval, **how)
    said = " ".join((message.text, *all_text(list(message.blocks))))
    assert "but not by this bot" in said
    for word in ("✅", "⛔", "<@U0ANA>", "as edited", "dry_run: true", "reason: no"):
        assert word not in said


def test_what_was_tampered_with_cannot_be_answered() -> None:
    """Nothing would be signed, so nothing is offered; whom forged answers name is not said."""
    message = card(*STATES["tampered"][:1], **STATES["tampered"][1])
    assert buttons(message) == {}
    assert "Answers so far" not in " ".join(all_text(list(message.blocks)))


@pytest.mark.parametrize(
    ("votes", "progress"),
    [
        (((ANA, Verdict.APPROVE),), "1 of 2 owners, security missing"),
        (((CHO, Verdict.APPROVE),), "0 of 2 owners, 1 of 1 security"),
        (
            ((ANA, Verdict.APPROVE), (BEN, Verdict.DENY)),
            "1 of 2 owners, security missing, 1 of 2 rejections",
        ),
    ],
)
def test_progress_in_words(votes: tuple[tuple[str, Verdict], ...], progress: str) -> None:
    """P11: how far a quorum is stands on the card: who is there, who is missing."""
    [line] = [
        "".join(leaf.get("text", "") for leaf in part["elements"])
        for block in card(_quorum(*votes)).blocks
        if block["type"] == "rich_text"
        for part in block["elements"]
        if part["elements"][0].get("text") == "Answers so far: "
    ]
    assert line.endswith(f" · {progress}")


def test_a_ladder_changes_who_is_asked_and_where_buttons_count() -> None:
    """Widened people stand on the card; the seal is for the channel where the card stands."""
    ladder = (
        Rung(after=60, action="widen", also=(CHO,)),
        Rung(after=120, action="move", channel="C0SECOND"),
    )
    approval = asked(terms=TERMS.model_copy(update={"ladder": ladder}))
    assert "<@U0CHO>" not in card(approval).text
    wider = approval.model_copy(update={"climbed": 1})
    assert "<@U0CHO>" in card(wider).text
    moved = approval.model_copy(update={"climbed": 2})
    assert "at C0SECOND" in buttons(card(moved))[APPROVE]
    assert "at C0APPROVALS" in buttons(card(moved, place="C0APPROVALS"))[APPROVE]


def test_who_may_not_decide_is_not_called() -> None:
    """The agent's owner is not waited for, whatever list names them."""
    said = card(asked(terms=TERMS.model_copy(update={"excluded": (ANA,)}))).text
    assert "<@U0ANA>" not in said
    assert "<@U0BEN>" in said


def test_who_may_not_decide_is_called_in_no_workspace() -> None:
    """An id is one person's in all workspaces of an organisation."""
    kept_out = ANA.replace(":T", ":T9")
    said = card(asked(terms=TERMS.model_copy(update={"excluded": (kept_out,)}))).text
    assert card(asked(terms=TERMS.model_copy(update={"excluded": (ANA,)}))).text == said


def test_buttons_are_sealed_for_the_channel() -> None:
    """All buttons carry a value for this approval, this payload, the card and its channel."""
    approval = asked(namespace="prod")
    value = stamp(approval, surface="card", place="C0APPROVALS")
    assert {APPROVE: value, SKIP: value, REJECT: value} == buttons(card(approval))
    sealed = buttons(render.card(approval, stamp=SEAL.value))[APPROVE]
    assert SEAL.open(sealed, surface="card", place="C0APPROVALS").fits(approval)


@pytest.mark.parametrize("payload", [{"body": "x" * 3000}, {"rows": list(range(200))}])
def test_a_payload_that_is_not_whole_is_reviewed(payload: Any) -> None:
    """P13: Approve is offered only beside every character; Review leads to all; Reject stays."""
    message = card(asked(payload))
    accepted(message)
    assert {REVIEW, SKIP, REJECT} == set(buttons(message))
    said = " ".join(all_text(list(message.blocks)))
    assert "No Approve button here:" in said
    assert "Review shows all of them on " in said


@pytest.mark.parametrize("payload", [{"k" * 150: 1}, {"n": 10**200}, {"body": "a\n" * 9000}])
def test_a_payload_that_slack_cannot_show_can_be_rejected(payload: Any) -> None:
    """The card says why nobody can approve it in Slack, with sizes, and where it can be done."""
    message = card(asked(payload))
    accepted(message)
    assert {SKIP, REJECT} == set(buttons(message))
    said = " ".join(all_text(list(message.blocks)))
    assert "signoff approve delete-42" in said
    assert "characters on" in said


def test_without_a_route_there_are_no_buttons() -> None:
    """Nobody can answer what nobody was asked."""
    assert buttons(card(asked(terms=None))) == {}


def test_a_record_that_no_gate_makes_gets_no_buttons() -> None:
    """A key outside the grammar cannot come back in a click, so none is offered."""
    message = render.card(asked(id="a|b"), stamp=SEAL.value)
    accepted(message)
    assert buttons(message) == {}


def test_mentions_only_where_the_route_says_so() -> None:
    """Without `mention` in the route nobody's bell rings."""
    silent = card(asked(terms=QUIET), names=NAMES)
    assert not [text for text in [silent.text, *all_text(list(silent.blocks))] if "<@" in text]
    assert "user" not in {
        element["type"]
        for block in silent.blocks
        for part in block.get("elements", ())
        for element in part.get("elements", ())
    }
    assert "<@U0ANA>" in card(asked()).text


def test_block_ids_change_with_each_revision() -> None:
    """Slack keeps what it knows of a block by its id, so no revision shares one with another."""
    cards = [card(asked()), card(decided(Verdict.APPROVE)), card(running()), card(ended())]
    ids = [block["block_id"] for message in cards for block in message.blocks]
    assert len(ids) == len(set(ids))


def test_the_header_holds_the_longest_names() -> None:
    """Names of 200 hostile characters fit into 150, the cut is announced, and the body has all."""
    approval = asked(name="\u200bn" * 100, agent='"' * 200)
    message = card(approval)
    accepted(message)
    assert len(title(approval)) <= 150
    assert title(approval).count("more characters") == 2
    assert any("⟨U+200B⟩n" * 100 in text for text in preformatted(message))
    assert any('"' * 200 in text for text in preformatted(message))


def test_the_notification_says_it_alone() -> None:
    """Who, what, where, whose turn, until when; no arguments, which locked screens would show."""
    approval = asked({"secret": "hunter2"}, namespace="prod")
    text = card(approval).text
    for part in ("billing", "delete-user", "prod", "<@U0ANA>", "2026-11-23 14:00 UTC"):
        assert part in text
    assert "hunter2" not in text


def test_a_shorter_route_shows_its_own_end() -> None:
    """The card shows the end that counts."""
    terms = TERMS.model_copy(update={"expires_at": ASKED + timedelta(hours=1)})
    assert "2026-11-22 15:00 UTC" in card(asked(terms=terms)).text


def test_many_approvers_fit() -> None:
    """However many may answer, the card holds and counts the rest."""
    crowd = tuple(f"slack:T0SANDBOX:U{number:05}" for number in range(500))
    quorums = tuple(Quorum(name=f"group {number}", of=crowd, needed=2) for number in range(30))
    for notify in ((), ("mention",)):
        terms = TERMS.model_copy(update={"quorums": quorums, "notify": notify})
        accepted(card(asked(terms=terms)))


principals = st.one_of(st.sampled_from([ANA, BEN, OWNERS, "cli:ana"]), texts)


@st.composite
def approvals(draw: st.DrawFn) -> tuple[Approval, dict[str, Any]]:
    """Approvals in every state, with hostile texts wherever somebody else's text can be."""
    name, agent = draw(texts.filter(bool)), draw(texts.filter(bool))
    hostile: dict[str, Any] = {
        "payload": draw(payloads),
        "name": name[:200],
        "agent": agent[:200],
        "reason": draw(st.none() | texts | texts.map(lambda text: (text * 300)[:3000])),
        "run": draw(st.none() | texts),
        "namespace": draw(st.sampled_from(["default", "prod"])),
    }
    people = tuple(draw(st.lists(principals, min_size=1, max_size=4)))
    terms = Terms(
        channel=draw(st.sampled_from(["C0APPROVALS", "<!channel>"])),
        quorums=(Quorum(name=draw(texts), of=people),),
        notify=draw(st.sampled_from([(), ("mention",)])),
    )
    note = draw(st.none() | texts | texts.map(lambda text: (text * 300)[:3000]))
    base = asked(**hostile, terms=terms)
    made = draw(st.sampled_from(["pending", "approve", "deny", "skip", "cancelled", "ended"]))
    by = draw(principals)
    how = {"names": {person: draw(texts) for person in people}, "overdue": draw(st.booleans())}
    if made == "pending":
        return base, how
    if made == "cancelled":
        update = cancelled(by=by, reason=note, undeliverable=draw(st.none() | texts))
        return _moved(base, update), how
    if made == "ended":
        return _moved(base, ended(error=draw(st.none() | texts))), how
    return _moved(base, decided(Verdict(made), by=by, note=note)), how


def _moved(base: Approval, donor: Approval) -> Approval:
    names = (
        "status", "votes", "decided_at", "decision", "decision_metadata", "cancellation",
        "consumption", "outcome", "version",
    )  # fmt: skip
    return base.model_copy(update={name: getattr(donor, name) for name in names})


@settings(deadline=None)  # each example is judged by four validators
@given(approvals())
def test_no_hostile_text_breaks_a_card(made: tuple[Approval, dict[str, Any]]) -> None:
    """P13: limits hold, nothing is hidden, and Approve stands beside the whole payload.

    Whole means that the payload can be read back from the card to the character.
    """
    approval, how = made
    message = card(approval, **how)
    accepted(message)
    if APPROVE in buttons(message):
        assert arguments(approval.payload).whole
        if approval.payload not in (None, {}):
            shown = read_arguments(preformatted(message)[-1])
            assert canonical_text(approval.payload) == canonical_text(shown)


@settings(deadline=None)  # each example is judged by four validators
@given(approvals())
def test_foreign_text_never_meets_markup(made: tuple[Approval, dict[str, Any]]) -> None:
    """The only mrkdwn of a card is our own small print and the line that calls people."""
    approval, how = made
    texts_of = list(leaves(list(card(approval, **how).blocks), "mrkdwn"))
    assert len(texts_of) <= 2
    assert all(text.startswith(("Asked ", "⏳ Waiting for ")) for text in texts_of)
