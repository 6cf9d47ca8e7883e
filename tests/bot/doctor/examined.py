"""A subject for the doctor: a real server, a real local Slack, and what is wrong with them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final, cast

from bot.doctor import Finding, State, Subject, plan, run_checks
from bot.manifest import BOT_SCOPES, OPTIONAL_BOT_SCOPES
from bot.routing import RouteRule
from bot.settings import Settings
from bot.slack.inspection import open_inspection
from gate import SystemClock
from stores import Store, open_store
from tests.support.emitted import Sandbox

CHANNEL: Final = "C0APPROVALS"
RULE: Final = RouteRule(channel=CHANNEL, approvers=("U0ANA", "U0BEN", "S0SECURITY"))

Found = list[tuple[str, str, str]]


@dataclass(frozen=True)
class Examined:
    """A bot's surroundings, before it starts."""

    slack: Sandbox
    subject: Subject

    def with_routes(self, *rules: RouteRule) -> Examined:
        """Return the same with other routes."""
        assert self.subject.settings is not None
        settings = self.subject.settings.model_copy(update={"routes": rules})
        return replace(self, subject=replace(self.subject, settings=settings))

    def but(self, **changes: Any) -> Examined:
        """Return the same with other parts of the subject."""
        return replace(self, subject=replace(self.subject, **changes))

    async def findings(self, *, budget: float = 5.0) -> list[Finding]:
        """Run every check."""
        return await run_checks(plan(self.subject), budget=budget)

    async def of(self, *checks: str) -> Found:
        """Return what some checks found: check, state, sentence."""
        findings = await run_checks([each for each in plan(self.subject) if each.name in checks])
        return [(each.check, each.state.value, each.found) for each in findings]


def troubles(findings: Sequence[Finding]) -> list[tuple[str, str]]:
    """Return what is not well."""
    return [(each.check, each.state.value) for each in findings if each.state is not State.OK]


def settings_of(slack: Sandbox, *, transport: str = "socket", **more: Any) -> Settings:
    """Return settings for the sandbox."""
    way = (
        {"SLACK_APP_TOKEN": slack.app_token}
        if transport == "socket"
        else {"SLACK_SIGNING_SECRET": slack.signing_secret}
    )
    given = {"SLACK_BOT_TOKEN": slack.bot_token, "SLACK_API_URL": slack.api_url, "routes": (RULE,)}
    return Settings.model_validate(given | way | more)


@asynccontextmanager
async def examined(
    url: str,
    *,
    token: str | None = None,
    levels: Mapping[str, int] | None = None,
    now: Callable[[], datetime] | None = None,
) -> AsyncIterator[Examined]:
    """Run the sandbox with exactly the manifest's scopes, and open the store at *url*."""
    async with Sandbox() as slack, open_store(url) as store:
        slack.world.app.scopes = {*BOT_SCOPES, *OPTIONAL_BOT_SCOPES}
        async with open_inspection(
            token or slack.bot_token, api_url=slack.api_url, seconds=2
        ) as place:
            yield Examined(
                slack,
                Subject(
                    settings=settings_of(slack),
                    store=store,
                    workplace=place,
                    signed=True,
                    levels=levels or {},
                    now=now or SystemClock().now,
                    monotonic=asyncio.get_running_loop().time,
                    name="doctor.test",
                ),
            )


def store_of(subject: Examined) -> Store:
    """Return the open store."""
    store = subject.subject.store
    assert not isinstance(store, Exception)
    return cast("Store", store)
