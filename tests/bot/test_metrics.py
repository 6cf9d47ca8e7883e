"""The metrics: each number is what it says, and no label tells who or what."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families

from bot.metrics import Metrics, metrics_of
from gate import (
    Approval,
    ApprovalAmended,
    ApprovalGate,
    ApprovalRefused,
    ApprovalResolved,
    Desk,
    LoggedEvent,
    StoreUnavailable,
    Verdict,
)
from gate.testing import FakeClock
from stores.memory import MemoryStore
from tests.bot.chat import CHANNEL, Chat, FaultyStore, notifier_of, story_of, tell_all, told

NAMES = {
    "signoff_pending_approvals",
    "signoff_oldest_pending_age_seconds",
    "signoff_backlog_events",
    "signoff_decision_seconds",
    "signoff_decisions",
    "signoff_refusals",
    "signoff_slack_errors",
    "signoff_alarms",
    "signoff_amendments",
}
LABELS = {
    "verdict": {"approve", "deny", "skip"},
    "surface": {
        "answer", "api", "card", "cli", "direct", "edit", "form", "home", "review", "slash",
        "other",
    },
}  # fmt: skip


async def scraped(metrics: Metrics) -> dict[str, dict[tuple[tuple[str, str], ...], float]]:
    """Return sample name → labels → value, as a Prometheus server reads them."""
    body, kind = await metrics.exposition()
    assert kind.startswith("text/plain")
    found: dict[str, dict[tuple[tuple[str, str], ...], float]] = {}
    for family in text_string_to_metric_families(body.decode()):
        for sample in family.samples:
            labels = tuple(sorted(sample.labels.items()))
            found.setdefault(sample.name, {})[labels] = sample.value
    return found


async def value(metrics: Metrics, name: str, **labels: str) -> float:
    return (await scraped(metrics))[name][tuple(sorted(labels.items()))]


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def store(clock: FakeClock) -> FaultyStore:
    return FaultyStore(clock=clock)


@pytest.fixture
def metrics(store: FaultyStore) -> Metrics:
    return Metrics(store)


async def decided(store: MemoryStore, clock: FakeClock, *, after: float) -> LoggedEvent:
    """Have one approval decided, and return the event that says so."""
    gate = ApprovalGate(store, agent="billing", clock=clock)
    asked = await gate.request(name="delete-user", payload={})
    await clock.advance(after)
    await Desk(store, clock=clock).decide(asked.key, "approve")
    return (await store.read("", limit=1000))[-1]


async def test_what_is_pending(metrics: Metrics, store: FaultyStore, clock: FakeClock):
    """The number, and how long the oldest has waited: asked for at each scrape."""
    assert 0 == await value(metrics, "signoff_pending_approvals")
    assert 0 == await value(metrics, "signoff_oldest_pending_age_seconds")
    gate = ApprovalGate(store, agent="billing", clock=clock)
    await gate.request(name="a", payload={})
    await clock.advance(30)
    await gate.request(name="b", payload={})
    assert 2 == await value(metrics, "signoff_pending_approvals")
    assert 30 == await value(metrics, "signoff_oldest_pending_age_seconds")


async def test_a_store_that_is_away(metrics: Metrics, store: FaultyStore):
    """What is not known is not a number; a scrape itself never fails."""

    async def away(*_: Any) -> None:
        raise StoreUnavailable("get", cause="away")

    store.fault = away
    body = await scraped(metrics)
    for name in ("signoff_pending_approvals", "signoff_oldest_pending_age_seconds"):
        assert body[name][()] != body[name][()], "it is not a number"
    assert 0 == body["signoff_backlog_events"][()]


async def test_the_decision_time(metrics: Metrics, store: FaultyStore, clock: FakeClock):
    """From asked to decided, with verdict and surface, each once however often it is told."""
    logged = await decided(store, clock, after=42)
    approval = await store.get(logged.event.key)
    for _ in range(3):
        metrics.observe(logged, approval)
    found = await scraped(metrics)
    assert (42, 1) == (
        found["signoff_decision_seconds_sum"][()],
        found["signoff_decision_seconds_count"][()],
    )
    assert 1 == await value(metrics, "signoff_decisions_total", verdict="approve", surface="api")


async def test_a_decision_without_its_record(
    metrics: Metrics, store: FaultyStore, clock: FakeClock
):
    """It counts; nothing is made up about its time."""
    metrics.observe(await decided(store, clock, after=42), None)
    assert 1 == await value(metrics, "signoff_decisions_total", verdict="approve", surface="api")
    assert 0 == await value(metrics, "signoff_decision_seconds_count")


async def test_clocks_that_disagree(metrics: Metrics, store: FaultyStore, clock: FakeClock):
    """A decision before its request is a clock's fault, and no negative time."""
    logged = await decided(store, clock, after=1)
    approval = await store.get(logged.event.key)
    assert isinstance(approval, Approval)
    early = logged.event.model_copy(update={"at": approval.created_at - timedelta(seconds=9)})
    metrics.observe(LoggedEvent(logged.cursor, early), approval)
    assert 0 == await value(metrics, "signoff_decision_seconds_sum")


async def test_refusals(metrics: Metrics, clock: FakeClock):
    """By reason, where the reason is one of ours; whatever else comes is `other`."""
    reasons = ["not_approver", "not_approver", "stale_card", "U0ANA: s3cret"]
    for number, reason in enumerate(reasons):
        event = ApprovalRefused(id="x", at=clock.now(), principal="slack:T1:U0ANA", reason=reason)
        metrics.observe(LoggedEvent(f"{number}-0", event), None)
    assert 2 == await value(metrics, "signoff_refusals_total", reason="not_approver")
    assert 1 == await value(metrics, "signoff_refusals_total", reason="stale_card")
    assert 1 == await value(metrics, "signoff_refusals_total", reason="other")
    body, _ = await metrics.exposition()
    for hidden in (b"s3cret", b"U0ANA"):
        assert hidden not in body


async def test_changes_of_what_is_asked(metrics: Metrics, clock: FakeClock):
    """Edits and results in place of a run, each once."""
    for number, override in enumerate((False, True, True)):
        event = ApprovalAmended(
            id="x", at=clock.now(), principal=None, digest="0" * 64, override=override
        )
        for _ in range(2):
            metrics.observe(LoggedEvent(f"{number}-0", event), None)
    assert 1 == await value(metrics, "signoff_amendments_total", kind="edit")
    assert 2 == await value(metrics, "signoff_amendments_total", kind="override")


async def test_words_are_a_closed_set(metrics: Metrics, clock: FakeClock):
    """Nobody can fill the registry with labels of his own: a bounded number, whatever happens."""
    before = sum(map(len, (await scraped(metrics)).values()))
    for number in range(200):
        event = ApprovalResolved(
            id="x", at=clock.now(), principal=None, verdict=Verdict.SKIP, surface=f"s{number}"
        )
        metrics.observe(LoggedEvent(f"{number}-1", event), None)
        metrics.slack_error(f"word_{number}")
    found = await scraped(metrics)
    assert before == sum(map(len, found.values()))
    assert 200 == await value(metrics, "signoff_decisions_total", verdict="skip", surface="other")
    assert 200 == await value(metrics, "signoff_slack_errors_total", word="other")
    for labels in found["signoff_decisions_total"]:
        assert all(word in LABELS[name] for name, word in labels)


async def test_names(metrics: Metrics):
    """The names stay as they are: dashboards know them. All are there before anything happens."""
    body, _ = await metrics.exposition()
    families = {family.name for family in text_string_to_metric_families(body.decode())}
    assert NAMES == {name for name in families if not name.endswith("_created")}


async def test_the_backlog(metrics: Metrics):
    """It is asked for when it is scraped."""
    waiting = [1, 2, 3]
    metrics.follow_backlog(lambda: len(waiting))
    assert 3 == await value(metrics, "signoff_backlog_events")
    waiting.clear()
    assert 0 == await value(metrics, "signoff_backlog_events")


async def test_the_reader_shows_what_it_reads(metrics: Metrics, store: FaultyStore):
    """The outbox's reader shows each event once, refusals too, and says what it has not told."""
    chat = Chat()
    desk = Desk(store)
    notifier = notifier_of(store, story_of(store, chat, desk=desk), observe=metrics.observe)
    metrics.follow_backlog(lambda: notifier.backlog)
    assert 0 == await value(metrics, "signoff_backlog_events")
    asked = await ApprovalGate(store, agent="billing").request(name="delete-user", payload={})
    held = chat.holds[CHANNEL] = asyncio.Event()

    async def backlog() -> bool:
        if notifier.backlog:
            assert notifier.backlog == await value(metrics, "signoff_backlog_events")
            held.set()
        return held.is_set() and await told(store)

    await tell_all(store, notifier, until=backlog)
    await desk.refuse(asked.key, reason="not_approver", principal="slack:T1:UDAN", surface="card")
    await desk.decide(asked.key, "deny", approver="slack:T1:UANA", surface="card")
    await tell_all(store, notifier)
    assert 1 == await value(metrics, "signoff_refusals_total", reason="not_approver")
    assert 1 == await value(metrics, "signoff_decisions_total", verdict="deny", surface="card")
    assert 1 == await value(metrics, "signoff_decision_seconds_count")
    assert 0 == notifier.backlog


async def test_two_bots_in_one_process(store: FaultyStore):
    """Each has a registry of its own."""
    first, second = Metrics(store), Metrics(store)
    first.slack_error("timeout")
    assert 0 == await value(second, "signoff_slack_errors_total", word="timeout")


async def test_failures_of_slack(metrics: Metrics):
    """By Slack's word, where it is one that is known."""
    for word in ("not_in_channel", "http_503", "http_500", "s3cret"):
        metrics.slack_error(word)
    for word, count in (("not_in_channel", 1), ("http_5xx", 2), ("other", 1)):
        assert count == await value(metrics, "signoff_slack_errors_total", word=word)


def test_without_the_extra(store: FaultyStore):
    """There are no metrics, and nothing else changes."""
    assert metrics_of(store, package="no_such_package") is None
    assert isinstance(metrics_of(store), Metrics)
