"""The Slack side of a bot in one process: real Bolt, real sandbox, a store that can fail."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import Any, Final, Literal

from bot.background import Background
from bot.deciding import Answers, Budgets
from bot.directory import CachedDirectory
from bot.routing import RouteRule
from bot.sandbox import Delivered, Sandbox, SandboxClient
from bot.slack.app import SocketMode, bolt_app
from bot.slack.directory import SlackDirectory
from bot.slack.endpoint import SlackEndpoint
from bot.slack.handlers import Handlers
from bot.slack.messenger import SlackMessenger
from bot.slack.workspace import look_around
from bot.web.app import serve, web_application
from gate import Approval, ApprovalGate, ApprovalRefused, Desk
from gate.testing import FakeClock
from tests.bot.chat import FaultyStore, notifier_of, story_of, tell_all
from tests.bot.slack.edge import client_of
from tests.support.waiting import wait_until

CHANNEL: Final = "C0APPROVALS"
APPROVE: Final = "signoff_approve"
REJECT: Final = "signoff_reject"
RULE: Final = RouteRule(channel=CHANNEL, approvers=("U0ANA", "U0BEN", "S0SECURITY"))
Transport = Literal["http", "socket"]


@dataclass
class Office:
    """A running bot without its processes, and the people before it."""

    slack: Sandbox
    people: SandboxClient
    store: FaultyStore
    clock: FakeClock
    messenger: SlackMessenger
    url: str

    @property
    def desk(self) -> Desk:
        return Desk(self.store, clock=self.clock)

    async def ask(self, approval_id: str = "x", payload: Any = None, **fields: Any) -> str:
        """Ask, post the card, and return its timestamp."""
        gate = ApprovalGate(self.store, agent="billing", clock=self.clock)
        asked = {"user_id": 42} if payload is None else payload
        await gate.request(id=approval_id, name=f"act-{approval_id}", payload=asked, **fields)
        await self.tell()
        return (await self.store.cards(approval_id))["card"].split(" ")[1]

    async def tell(self) -> None:
        """Tell all that happened."""
        story = story_of(
            self.store,
            self.messenger,
            desk=self.desk,
            routes=(RULE,),
            team="T0SANDBOX",
        )
        await tell_all(self.store, notifier_of(self.store, story))

    async def click(self, user: str, ts: str, action: str = APPROVE, **more: Any) -> Delivered:
        return await self.people.click(user, channel=CHANNEL, ts=ts, action_id=action, **more)

    async def found(self, approval_id: str = "x") -> Approval:
        self.store.fault = None
        return await self.desk.get(approval_id)

    async def answers(self, user: str) -> list[str]:
        """Return the private answers to somebody, when all of them are out."""
        await wait_until(lambda: not _answering(), "all private answers are out")
        return [str(message["text"]) for message in await self.people.ephemerals(user)]

    async def refusals(self) -> list[tuple[str | None, str, str]]:
        self.store.fault = None
        return [
            (logged.event.principal, logged.event.reason, logged.event.surface)
            for logged in await self.store.read("", limit=1000)
            if isinstance(logged.event, ApprovalRefused)
        ]


def _answering() -> bool:
    return any(task.get_name() == "private-answer" for task in asyncio.all_tasks())


@asynccontextmanager
async def office(
    transport: Transport = "http", *, budgets: Budgets | None = None, form_budget: float = 1.2
) -> AsyncIterator[Office]:
    """Run sandbox, Bolt app and one of the two ways in."""
    clock = FakeClock()
    store = FaultyStore(clock=clock)
    async with AsyncExitStack() as stack:
        slack = await stack.enter_async_context(Sandbox())
        client = await stack.enter_async_context(client_of(slack.api_url))
        workspace = await look_around(client, channels=[CHANNEL])
        background = Background()
        stack.push_async_callback(background.aclose)
        directory = CachedDirectory(
            SlackDirectory(client, team=workspace.team), now=clock.monotonic
        )
        messenger = SlackMessenger(client)
        handlers = Handlers(
            Answers(Desk(store, clock=clock), directory=directory, budgets=budgets or Budgets()),
            messenger=messenger,
            client=client,
            background=background,
            form_budget=form_budget,
        )
        bolt = bolt_app(
            handlers,
            client=client,
            token=slack.bot_token,
            workspace=workspace,
            signing_secret=slack.signing_secret,
        )
        url = ""
        if transport == "http":
            endpoint = SlackEndpoint(bolt, signing_secret=slack.signing_secret, patience=0.3).handle
            port = await stack.enter_async_context(
                serve(web_application({}, slack_events=endpoint), host="127.0.0.1", port=0)
            )
            url = slack.request_url = f"http://127.0.0.1:{port}/slack/events"
        else:
            await stack.enter_async_context(
                SocketMode(bolt, client=client, app_token=slack.app_token, connections=1)
            )
        people = await stack.enter_async_context(SandboxClient(slack.url))
        yield Office(slack, people, store, clock, messenger, url)
