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


class ExaminedPart(Sealed, Leases, Protocol):
    """A part of a store with every ability that a check uses."""


class ExaminedStore(Backed, Protocol):
    """A store with every ability that a check uses."""

    @property
    def buckets(self) -> Sequence[ExaminedPart]:
        """Its parts, each of which may be on a server of its own."""
        ...


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


async def _each(
    store: ExaminedStore, ask: Callable[[ExaminedPart], Awaitable[Sequence[Finding]]]
) -> Sequence[Finding]:
    """Ask about every part; what is found of several is said once."""
    found: list[Finding] = []
    for part in store.buckets:
        found += await ask(part)
    return list(dict.fromkeys(found))


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
    eviction = partial(store_checks.eviction, allowed=evicting)
    pubsub = partial(store_checks.pubsub, name=subject.name)
    clock = partial(store_checks.clock, now=subject.now)
    return [
        Check("store", partial(_each, store, store_checks.reached)),
        Check("store.writes", partial(_each, store, store_checks.writes)),
        Check("store.persistence", partial(_each, store, store_checks.persistence)),
        Check("store.eviction", partial(_each, store, eviction)),
        Check("store.pubsub", partial(_each, store, pubsub)),
        Check("store.clock", partial(_each, store, clock)),
        Check("backlog", partial(backlog, store)),
        Check("routing", partial(routing, store)),
        Check("audit", partial(_each, store, audit)),
        Check("alarms", partial(_each, store, alarms)),
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
