"""Owns the metrics: what is counted and measured, in a registry of its own. Needs an extra.

No label holds an id, a name or a text of anybody: each has a closed set of words and `other`.
"""

from __future__ import annotations

import asyncio
import math
from collections import OrderedDict
from collections.abc import Callable, Iterable
from importlib.util import find_spec
from typing import Final, Protocol

from gate import (
    Approval,
    ApprovalAlarm,
    ApprovalAmended,
    ApprovalRefused,
    ApprovalResolved,
    BulkRead,
    Listing,
    LoggedEvent,
    SignoffError,
    StoreClock,
    Verdict,
)

__all__ = ["Measured", "Metrics", "metrics_of"]

_PACKAGE: Final = "prometheus_client"
_BUDGET: Final = 2.0
"""Seconds that the store may take to answer one scrape."""
_REMEMBERED: Final = 50_000
"""Events that are not counted again, when a reader begins anew behind what it had noted."""
_OTHER: Final = "other"
_SURFACES: Final = frozenset(
    {"answer", "api", "card", "cli", "direct", "edit", "form", "home", "review", "slash"}
)
_REFUSALS: Final = frozenset(
    {
        "already_answered", "already_decided", "approval_not_found", "edit_not_allowed",
        "foreign_card", "incomplete_view", "not_approver", "not_by", "not_checked", "not_member",
        "not_routed", "no_keys", "override_not_allowed", "reveal_forbidden", "self_approval",
        "skip_not_allowed", "stale_card",
    }
)  # fmt: skip
_ALARMS: Final = frozenset({"amendment", "receipt", "terms", "views", "votes"})
_AMENDMENTS: Final = ("edit", "override")
_SLACK_ERRORS: Final = frozenset(
    {
        "account_inactive", "cannot_dm_bot", "channel_not_found", "fatal_error", "http_5xx",
        "internal_error", "invalid_auth", "invalid_blocks", "is_archived", "malformed_answer",
        "message_not_found", "missing_scope", "msg_too_long", "no_such_subteam", "not_in_channel",
        "ratelimited", "restricted_action", "service_unavailable", "timeout", "token_revoked",
        "unreachable", "user_not_found",
    }
)  # fmt: skip
_COUNTED: Final = (ApprovalResolved, ApprovalRefused, ApprovalAmended, ApprovalAlarm)
_SECONDS: Final = (1, 5, 15, 30, 60, 120, 300, 600, 1800, 3600, 4 * 3600, 12 * 3600, 86400)
"""Buckets of the decision time: people take seconds to a day."""


class Measured(StoreClock, Listing, BulkRead, Protocol):
    """The abilities of a store that a scrape uses."""


class Metrics:
    """What one bot counts and measures.

    Args:
        store: Asked at each scrape for what is pending.

    Raises:
        ImportError: The extra `metrics` is not installed; see `metrics_of`.
    """

    def __init__(self, store: Measured) -> None:
        # Here and not above: the bot runs without the extra.
        import prometheus_client as prometheus

        self._store = store
        self._registry = prometheus.CollectorRegistry()
        self._write = prometheus.generate_latest
        self.content_type = prometheus.CONTENT_TYPE_LATEST
        self._counted: OrderedDict[str, None] = OrderedDict()
        registry = self._registry
        self._pending = prometheus.Gauge(
            "signoff_pending_approvals", "Approvals that wait.", registry=registry
        )
        self._oldest = prometheus.Gauge(
            "signoff_oldest_pending_age_seconds",
            "Age of the oldest approval that waits; 0 if none does.",
            registry=registry,
        )
        self._backlog = prometheus.Gauge(
            "signoff_backlog_events",
            "Events that this replica has read and not yet told.",
            registry=registry,
        )
        self._decision_time = prometheus.Histogram(
            "signoff_decision_seconds",
            "From the request to the decision.",
            buckets=_SECONDS,
            registry=registry,
        )
        self._decisions = prometheus.Counter(
            "signoff_decisions", "Decisions that fell.", ["verdict", "surface"], registry=registry
        )
        self._refusals = prometheus.Counter(
            "signoff_refusals", "Refused answers.", ["reason"], registry=registry
        )
        self._amendments = prometheus.Counter(
            "signoff_amendments",
            "Requests that a person changed: arguments edited, or a result in place of a run.",
            ["kind"],
            registry=registry,
        )
        self._alarms = prometheus.Counter(
            "signoff_alarms",
            "Parts of records that somebody else wrote.",
            ["part"],
            registry=registry,
        )
        self._slack_errors = prometheus.Counter(
            "signoff_slack_errors",
            "Calls to Slack that failed, by its word.",
            ["word"],
            registry=registry,
        )
        self._begin_at_zero()

    def _begin_at_zero(self) -> None:
        # A counter that appears with its first count has no rate for that one.
        for verdict in Verdict:
            for surface in _all(_SURFACES):
                self._decisions.labels(verdict.value, surface)
        for reason in _all(_REFUSALS):
            self._refusals.labels(reason)
        for word in _all(_SLACK_ERRORS):
            self._slack_errors.labels(word)
        for kind in _AMENDMENTS:
            self._amendments.labels(kind)
        for part in _all(_ALARMS):
            self._alarms.labels(part)

    def follow_backlog(self, read: Callable[[], int]) -> None:
        """Ask *read* at each scrape how many events are read and not yet told."""
        self._backlog.set_function(lambda: float(read()))

    def observe(self, logged: LoggedEvent, approval: Approval | None) -> None:
        """Count an event of the log, once.

        Args:
            logged: The event with its place.
            approval: Its record, where it is known: without one no time is measured.
        """
        event = logged.event
        if not isinstance(event, _COUNTED):
            return
        # Two logs may have one cursor, but not for one approval.
        place = f"{logged.cursor} {event.key}"
        if place in self._counted:
            return
        self._counted[place] = None
        if len(self._counted) > _REMEMBERED:
            self._counted.popitem(last=False)
        if isinstance(event, ApprovalAmended):
            self._amendments.labels(_AMENDMENTS[event.override]).inc()
            return
        if isinstance(event, ApprovalAlarm):
            self._alarms.labels(_one_of(_ALARMS, event.part)).inc()
            return
        if isinstance(event, ApprovalRefused):
            self._refusals.labels(_one_of(_REFUSALS, event.reason)).inc(event.count)
            return
        self._decisions.labels(event.verdict.value, _one_of(_SURFACES, event.surface)).inc()
        if approval is not None:
            took = (event.at - approval.created_at).total_seconds()
            self._decision_time.observe(max(0.0, took))

    def slack_error(self, word: str) -> None:
        """Count a call to Slack that failed with *word*."""
        known = "http_5xx" if word.startswith("http_5") else word
        self._slack_errors.labels(_one_of(_SLACK_ERRORS, known)).inc()

    async def exposition(self) -> tuple[bytes, str]:
        """Return all metrics in Prometheus's text form, and that form's content type.

        What the store does not tell in time is not a number then; the rest is there.
        """
        pending, oldest = await self._ask_store()
        self._pending.set(pending)
        self._oldest.set(oldest)
        return self._write(self._registry), self.content_type

    async def _ask_store(self) -> tuple[float, float]:
        try:
            async with asyncio.timeout(_BUDGET):
                count = await self._store.pending_count()
                found = await self._store.get_many(await self._store.pending(limit=1))
                now = await self._store.now()
        except (SignoffError, TimeoutError):
            return math.nan, math.nan
        ages = [
            (now - record.created_at).total_seconds()
            for record in found
            if isinstance(record, Approval)
        ]
        unreadable = any(isinstance(record, Exception) for record in found)
        return count, math.nan if unreadable else max([0.0, *ages])


def metrics_of(store: Measured, *, package: str = _PACKAGE) -> Metrics | None:
    """Return the metrics of a bot on *store*, or `None` where the extra is not installed.

    Args:
        store: Asked at each scrape for what is pending.
        package: What the extra brings.
    """
    return Metrics(store) if find_spec(package) is not None else None


def _one_of(words: frozenset[str], word: str) -> str:
    return word if word in words else _OTHER


def _all(words: Iterable[str]) -> list[str]:
    return [*sorted(words), _OTHER]
