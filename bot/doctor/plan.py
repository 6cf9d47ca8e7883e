"""Owns the list of checks: each stands in every report, also where it cannot run."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from typing import Protocol

from gate import ConfigError, Leases, SignoffError

from ..routing import RouteRule
from ..settings import Settings
from . import bot_checks, people_checks, slack_checks, store_checks
from .audit_checks import Sealed, alarms, audit
from .backlog import Backed, backlog, routing
from .findings import Check, Finding, left_out
from .workplace import Workplace

__all__ = ["ExaminedStore", "Subject", "plan"]

_Ask = Callable[[], Awaitable[Sequence[Finding]]]


class ExaminedStore(Backed, Sealed, Leases, Protocol):
    """A store with every ability that a check uses."""


@dataclass(frozen=True, kw_only=True)
class Subject:
    """What is examined. What could not be had is there as its error, or is `None`.

    Attributes:
        settings: What the bot would run with; without routes where only the file is at fault.
        settings_errors: Why they could not be read whole: each thing that is missing or wrong.
        store: The open store, or why there is none.
        workplace: The chat, or `None` without a usable token.
        signed: Whether the bot has a key to sign decisions with.
        environ: The environment, for what only Python reads.
        levels: Name → level in force, of the loggers of a bot with these settings.
        now: This machine's time of day.
        monotonic: Seconds that never run backwards.
        name: A fresh name for what is published.
    """

    settings: Settings | None
    settings_errors: Sequence[ConfigError] = ()
    store: ExaminedStore | SignoffError
    workplace: Workplace | None
    signed: bool = False
    environ: Mapping[str, str] = field(default_factory=dict)
    levels: Mapping[str, int] = field(default_factory=dict)
    now: Callable[[], datetime]
    monotonic: Callable[[], float]
    name: str


def plan(subject: Subject) -> list[Check]:
    """Return all checks of *subject*, in the report's order; their names never change."""
    settings, errors = subject.settings, subject.settings_errors
    return [
        Check("settings", partial(bot_checks.settings_of, settings, errors)),
        *_store(subject),
        Check("level", partial(bot_checks.level, signed=subject.signed)),
        *_slack(subject),
        _interactivity(subject),
        Check("logs", partial(bot_checks.logs, subject.levels, subject.environ)),
    ]


def _store(subject: Subject) -> list[Check]:
    store = subject.store
    if isinstance(store, SignoffError):
        return [
            Check("store", partial(_found, store_checks.away(store))),
            *(
                _left_out(name, "the store could not be opened", "mend what `store` says")
                for name in (
                    "store.writes", "store.persistence", "store.eviction", "store.pubsub",
                    "store.clock", "backlog", "routing", "audit", "alarms",
                )
            ),
        ]  # fmt: skip
    evicting = subject.settings is not None and subject.settings.allow_eviction
    return [
        Check("store", partial(store_checks.reached, store)),
        Check("store.writes", partial(store_checks.writes, store)),
        Check("store.persistence", partial(store_checks.persistence, store)),
        Check("store.eviction", partial(store_checks.eviction, store, allowed=evicting)),
        Check("store.pubsub", partial(store_checks.pubsub, store, name=subject.name)),
        Check("store.clock", partial(store_checks.clock, store, now=subject.now)),
        Check("backlog", partial(backlog, store)),
        Check("routing", partial(routing, store)),
        Check("audit", partial(audit, store)),
        Check("alarms", partial(alarms, store)),
    ]


def _slack(subject: Subject) -> list[Check]:
    place, settings = subject.workplace, subject.settings
    names = ("slack.token", "slack.scopes", "slack.channels", "approvers", "groups", "quorum")
    if place is None or settings is None:
        return [
            _left_out(name, "the settings could not be read", "mend what `settings` says")
            for name in names
        ]
    routes = settings.routes
    crowd = people_checks.Crowd(place, routes, now=subject.monotonic)
    asks: list[_Ask] = [
        partial(slack_checks.token, place),
        partial(slack_checks.scopes, place),
        partial(slack_checks.channels, place, _channels(routes)),
        partial(people_checks.approvers, crowd),
        partial(people_checks.groups, crowd),
        partial(people_checks.quorum, crowd),
    ]
    return [
        Check(name, ask)
        if routes or name in ("slack.token", "slack.scopes")
        else _left_out(name, "there are no routes", "mend what `settings` says")
        for name, ask in zip(names, asks, strict=True)
    ]


def _interactivity(subject: Subject) -> Check:
    place, settings = subject.workplace, subject.settings
    if place is None or settings is None:
        return _left_out(
            "interactivity", "the settings could not be read", "mend what `settings` says"
        )
    if settings.app_token is not None:
        token = settings.app_token.get_secret_value()
        return Check("interactivity", partial(slack_checks.socket_mode, place, token))
    return Check("interactivity", partial(bot_checks.http_delivery, settings.host, settings.port))


def _left_out(name: str, why: str, advice: str) -> Check:
    return Check(name, partial(_found, [left_out(name, why, advice)]))


def _channels(routes: Sequence[RouteRule]) -> list[str]:
    """Return where anything may be asked, the steps of ladders included."""
    return [
        channel
        for rule in routes
        for channel in (rule.channel, *(step.channel for step in rule.ladder))
        if channel is not None
    ]


async def _found(findings: Sequence[Finding]) -> Sequence[Finding]:
    return findings
