"""No lies: what somebody else wrote is an alarm, and what may not stay is called so."""

from __future__ import annotations

from typing import Any

import pytest
import structlog

from bot.answering import PrivateAnswers
from bot.deciding import Answers, Attempt, Voter
from bot.messenger import Message
from bot.slack.render import notice
from gate import (
    Approval,
    ApprovalAlarm,
    ApprovalAmended,
    ApprovalResolved,
    ApprovalStatus,
    ApprovalVoted,
    Decision,
    Desk,
    LoggedEvent,
    NotAllowed,
    Notary,
    Quorum,
    SigningKey,
    Tampered,
    Undeliverable,
    Verdict,
    Vote,
    refusal,
)
from tests.bot.chat import CHANNEL, FaultyStore, notifier_of, story_of, tell_all
from tests.bot.test_story import Life
from tests.support.factories import ANA, BEN, CAT, route
from tests.support.waiting import wait_until

NOTARY = Notary(SigningKey.generate(), secret=b"of the tests, and of 32 bytes or more")


class Signed(Life):
    """An approval whose bot has keys, in a store that others can write to."""

    def __init__(self) -> None:
        super().__init__()
        self.desk = Desk(self.store, notary=NOTARY)

    async def tell(self, **changes: Any) -> None:
        await super().tell(**{"desk": self.desk} | changes)

    async def forge(self, **changes: Any) -> Approval:
        """Write into the record as somebody who has the store's password."""
        current = await self.store.get("x")
        assert current is not None
        written = current.model_copy(update={**changes, "version": current.version + 1})
        event = ApprovalResolved(id="x", at=current.created_at, principal=BEN, verdict="approve")
        await self.store.patch("x", current.version, written, (event,))
        return written

    async def alarms(self) -> list[str]:
        """Return the parts of the alarms on record."""
        events = [logged.event for logged in await self.store.read("", limit=1000)]
        return [event.part for event in events if isinstance(event, ApprovalAlarm)]

    async def shown(self) -> tuple[str, list[str]]:
        """Return the card's notification and its thread."""
        ts = (await self.card()).ts
        return self.chat.cards()[ts], self.chat.thread(ts)


def _vote(approval: Approval, **changes: Any) -> Vote:
    fields: dict[str, Any] = {
        "principal": BEN,
        "verdict": Verdict.APPROVE,
        "at": approval.created_at,
        "digest": approval.digest,
    }
    return Vote(**(fields | changes))


def _decided(approval: Approval, verdict: Verdict = Verdict.APPROVE) -> dict[str, Any]:
    yes = verdict is Verdict.APPROVE
    return {
        "status": ApprovalStatus.APPROVED if yes else ApprovalStatus.REJECTED,
        "votes": (_vote(approval, verdict=verdict),),
        "decided_at": approval.created_at,
        "decision": Decision(verdict=verdict),
        "decision_metadata": {"approver": BEN},
    }


@pytest.fixture
async def life() -> Signed:
    """Asked, and shown in the channel."""
    life = Signed()
    await life.ask()
    await life.tell()
    return life


async def test_a_signed_decision_is_told(life: Signed):
    """What this side decided and signed is a decision, and no alarm."""
    await life.approve()
    await life.run()
    await life.tell()
    card, thread = await life.shown()
    assert "Approved" in card
    assert "Approved" in thread[1]
    assert [] == await life.alarms()


@pytest.mark.parametrize(
    ("verdict", "said"), [(Verdict.APPROVE, "says approved"), (Verdict.DENY, "says rejected")]
)
async def test_a_forged_decision_is_an_alarm(life: Signed, verdict: Verdict, said: str):
    """P10: a decision without our receipt is told as none: card, thread, one alarm, a log line."""
    approval = await life.desk.get("x")
    await life.forge(**_decided(approval, verdict))
    with structlog.testing.capture_logs() as logs:
        await life.tell()
    await life.tell()
    card, thread = await life.shown()
    assert said in card
    assert "but not by this bot" in card
    assert not life.chat.buttons((await life.card()).ts)
    [_, alarm] = thread
    assert "Alarm" in alarm
    assert ["receipt"] == await life.alarms()
    [line] = [line for line in logs if line["event"] == "approval.alarm"]
    assert ("error", "x", "receipt") == (line["log_level"], line["approval"], line["part"])


@pytest.mark.parametrize("part", ["votes", "views", "terms"])
async def test_what_is_not_ours_in_a_pending_record_is_an_alarm(life: Signed, part: str):
    """Forged answers, views and terms are not shown as such, and take the buttons away."""
    from gate import View

    approval = await life.desk.get("x")
    assert approval.terms is not None
    forged: dict[str, Any] = {
        "votes": (_vote(approval),),
        "views": (
            View(principal=BEN, digest=approval.digest, at=approval.created_at, surface="card"),
        ),
        "terms": route(deny_threshold=9).model_copy(update={"mac": approval.terms.mac}),
    }
    await life.forge(**{part: forged[part]})
    await life.tell()
    card, thread = await life.shown()
    assert "Somebody else wrote into this record" in card
    assert "Alarm" in thread[-1]
    assert 2 == len(thread), "the forged event is not told"
    assert [part] == await life.alarms()
    assert not life.chat.buttons((await life.card()).ts)


async def test_a_vote_added_to_a_signed_decision_is_an_alarm(life: Signed):
    """The receipt says whose answers it rests on; the record may not name others."""
    await life.approve()
    await life.tell()
    approval = await life.desk.get("x")
    await life.forge(votes=(*approval.votes, _vote(approval)))
    await life.tell()
    card, _ = await life.shown()
    assert "Somebody else wrote into this record" in card
    assert "UBEN" not in card
    assert ["votes"] == await life.alarms()


async def test_a_forged_event_alone_is_not_told(life: Signed):
    """An event says nothing that the record does not bear out."""
    approval = await life.desk.get("x")
    event = ApprovalResolved(id="x", at=approval.created_at, principal=BEN, verdict="approve")
    await life.store.append([event])
    await life.tell()
    card, thread = await life.shown()
    assert "Waiting for" in card
    assert 1 == len(thread)
    assert life.chat.buttons((await life.card()).ts)


async def test_a_forged_event_beside_a_decision_is_not_told(life: Signed):
    """Whoever approved, the log makes it nobody else."""
    await life.approve()
    decided = await life.desk.get("x")
    assert decided.decided_at is not None
    forged = ApprovalResolved(id="x", at=decided.decided_at, principal=BEN, verdict="approve")
    await life.store.append([forged])
    await life.tell()
    _, thread = await life.shown()
    assert [] == [told for told in thread if "UBEN" in told]
    assert 1 == len([told for told in thread if "Approved" in told])


QUORUM = route(Quorum(of=(ANA, BEN, CAT), needed=3))


async def _amended() -> Signed:
    """Return what Ana has edited, with two answers still missing; all of it is told."""
    life = Signed()
    await life.gate.request(id="x", name="delete-user", payload={"user_id": 42}, editable=True)
    await life.desk.route("x", QUORUM)
    await life.desk.decide("x", "approve", approver=ANA, seen=True, payload={"user_id": 43})
    await life.tell()
    return life


async def test_a_forged_yes_that_an_amendment_would_have_voided_is_nobodys():
    """No record can say that Ben did not say yes before the edit: so nobody is told that he did."""
    life = await _amended()
    current = await life.desk.get("x")
    forged: dict[str, Any] = {"id": "x", "at": current.created_at, "principal": BEN}
    words = "Ana knows, just click Approve"
    await life.store.append([ApprovalVoted(**forged, verdict="approve", note=words)])
    edit = {"digest": current.digest_of({"user_id": 1}), "override": False}
    await life.store.append([ApprovalAmended(**forged, **edit)])
    await life.store.append([ApprovalVoted(**forged | {"principal": ANA}, verdict="deny")])
    await life.tell()
    _, [*_, answer, change, other] = await life.shown()
    for told in (answer, other):
        assert "The log has an answer that is not on record" in told
    assert "The log has a change of the request that is not on record" in change
    for told in (answer, change, other):
        assert [] == [word for word in ("UBEN", words, "pprove", "reject") if word in told]
    assert [] == await life.alarms()


async def test_a_true_answer_is_told_before_it_is_void():
    """Told in time it has its name; told when it is void it counts for nothing, and has none."""
    for late in (False, True):
        life = Signed()
        await life.gate.request(id="x", name="delete-user", payload={"user_id": 42}, editable=True)
        await life.desk.route("x", QUORUM)
        await life.desk.decide("x", "approve", approver=BEN, seen=True)
        if not late:
            await life.tell()
        asked = await life.desk.get("x")
        edit = {"payload": {"user_id": 43}, "shown": asked}
        await life.desk.decide("x", "approve", approver=ANA, seen=True, **edit)
        await life.tell()
        _, thread = await life.shown()
        assert late is not any("<@UBEN> answered" in told for told in thread)
        assert late is any("not on record" in told for told in thread)
        assert any("Edited" in told and "<@UANA>" in told for told in thread)


async def test_terms_that_are_not_ours_choose_no_channel():
    """Routed by somebody else: nothing is shown where they like; it ends, and the agent is told."""
    life = Signed()
    await life.ask()
    current = await life.store.get("x")
    assert current is not None
    await life.store.patch("x", 1, current.model_copy(update={"terms": route()}), ())
    await life.tell()
    assert {} == life.chat.messages
    error = refusal(await life.desk.get("x"))
    assert isinstance(error, Undeliverable)
    assert "tampered" == error.reason
    assert ["terms"] == await life.alarms()


async def test_what_never_got_a_card_is_one_alarm():
    """The alarm is an event too: it brings up the record again, and no alarm after it."""
    life = Signed()
    await life.ask()
    current = await life.store.get("x")
    assert current is not None
    forged = current.model_copy(update={"terms": route(), **_decided(current)})
    await life.store.patch("x", 1, forged, ())
    story = story_of(life.store, life.chat, desk=life.desk)
    assert [None, None] == [await story.route("x") for _ in range(2)]
    assert ["receipt"] == await life.alarms()
    await life.tell()
    assert {} == life.chat.messages


async def test_a_key_of_before_still_proves_what_it_signed(life: Signed):
    """After a rotation what was decided before is no alarm."""
    old = SigningKey.generate()
    secret = b"of the tests, and of 32 bytes or more"
    before = Desk(life.store, notary=Notary(old, secret=secret))
    await before.decide("x", "approve", approver=ANA, seen=True)
    fresh = SigningKey.generate()
    rotated = Notary(fresh, secret=secret, trusted=(old.public, fresh.public))
    await life.tell(desk=Desk(life.store, notary=rotated))
    card, _ = await life.shown()
    assert "Approved" in card
    assert [] == await life.alarms()


async def test_a_click_on_a_forged_record_is_refused_and_told(life: Signed):
    """Nobody is told "approved by" of what nobody approved; the click raises the alarm."""
    approval = await life.desk.get("x")
    await life.forge(**_decided(approval))
    answers = Answers(life.desk)
    with pytest.raises(Tampered) as caught:
        await answers.look("x")
    assert "receipt" == caught.value.part
    assert ["receipt"] == await life.alarms()
    told: list[Message] = []

    class Ear:
        async def tell(self, channel: str, person: str, message: Message) -> None:
            told.append(message)

    private = PrivateAnswers(Ear(), life.desk, notice, lambda _: {})  # type: ignore[arg-type]  # one verb of it
    event = ApprovalResolved(
        id="x", at=approval.created_at, principal=ANA, verdict="approve", place=CHANNEL
    )
    await private.tell(LoggedEvent("1-0", event))
    assert [] == told


async def test_a_desk_without_keys_cannot_answer_where_decisions_are_signed(life: Signed):
    """Where keys are used, a tool without them is refused and says so."""
    keyless = Answers(Desk(life.store))
    attempt = Attempt(Voter("slack:T1:UANA"), "cli")
    answer = await keyless.answer(await life.desk.get("x"), attempt, Verdict.APPROVE, seen=True)
    assert isinstance(answer.refused, NotAllowed)
    assert "no_keys" == answer.refused.reason


class Replicated(FaultyStore):
    """A store whose replicas may be behind."""

    behind = False

    async def confirm(self, key: str, *, seconds: float) -> bool:
        return not self.behind


async def test_a_decision_that_may_not_stay_is_called_so_until_it_does():
    """P3: unconfirmed on the card and in the thread; a later look that finds it takes it away."""
    store = Replicated()
    life = Life(store)
    await life.ask()
    await life.tell()
    store.behind = True
    await life.approve()
    story = story_of(store, life.chat, holder="b")
    notifier = notifier_of(store, story, pending=store, patrol=0.01)
    ts = (await life.card()).ts

    def says(word: str) -> Any:
        return lambda: word in life.chat.cards()[ts]

    async def confirmed() -> bool:
        if says("Not confirmed yet")():
            assert "not confirmed yet" in life.chat.thread(ts)[-1]
            store.behind = False
        return not store.behind and not says("Not confirmed yet")()

    await tell_all(store, notifier, holder="b", until=confirmed)
    assert "Approved" in life.chat.cards()[ts]
    assert {} == story.unconfirmed


async def test_a_decision_that_a_failover_took_back_is_pending_again():
    """What did not stay is asked again: the card says what the record says."""
    store = Replicated()
    life = Life(store)
    await life.ask()
    await life.tell()
    pending = await store.get("x")
    assert pending is not None
    store.behind = True
    await life.approve()
    await life.tell()
    ts = (await life.card()).ts
    assert "Not confirmed yet" in life.chat.cards()[ts]
    decided = await store.get("x")
    assert decided is not None
    # The surviving store has never heard of it.
    lost = pending.model_copy(update={"version": decided.version + 1})
    await store.patch("x", decided.version, lost, ())
    story = story_of(store, life.chat, holder="z")
    await story.look("x")
    assert life.chat.buttons(ts)
    await wait_until(lambda: "Waiting for" in life.chat.cards()[ts], "it waits")
