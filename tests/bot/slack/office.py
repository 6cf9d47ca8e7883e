"""The Slack side of a bot in one process: real Bolt, real sandbox, a store that can fail."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import Any, Final, Literal

from bot.answering import PrivateAnswers
from bot.background import Background
from bot.deciding import Answers, Budgets
from bot.directory import CachedDirectory
from bot.inbox import Inboxes
from bot.manifest import build
from bot.notifier import READER
from bot.routing import RouteRule
from bot.sandbox import Delivered, SandboxClient
from bot.slack.app import SocketMode, bolt_app
from bot.slack.directory import SlackDirectory
from bot.slack.endpoint import SlackEndpoint
from bot.slack.handlers import Doors, Handlers
from bot.slack.messenger import SlackMessenger
from bot.slack.render import notice
from bot.slack.seal import Seal
from bot.slack.workspace import look_around
from bot.web.app import serve, web_application
from gate import Approval, ApprovalGate, ApprovalRefused, ApprovalViewed, Desk
from gate.testing import FakeClock
from stores.memory import MemoryStore
from tests.bot.chat import FaultyStore, People, notifier_of, rendering, story_of, tell_all
from tests.bot.slack.edge import client_of
from tests.support.emitted import Sandbox
from tests.support.waiting import wait_until

CHANNEL: Final = "C0APPROVALS"
APPROVE: Final = "signoff_approve"
REJECT: Final = "signoff_reject"
REVIEW: Final = "signoff_review"
NEXT: Final = "signoff_page"
BACK: Final = "signoff_page_back"
TEAM: Final = "T0SANDBOX"
SEAL: Final = Seal(b"the secret of the office, 32 bytes", installation=f"{TEAM} B0SIGNOFF")
MANIFESTS: Final = {
    "http": build(socket_mode=False, request_url="https://signoff.example.com/slack/events"),
    "socket": build(socket_mode=True),
}
_BY_THE_WAY: Final = ("private-answer", "review", "home", "used-card")
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
    handlers: Handlers
    url: str
    private: PrivateAnswers
    rule: RouteRule = RULE
    read: str = ""
    """How far the private answers are told."""

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
            routes=(self.rule,),
            team=TEAM,
            rendering=rendering(SEAL),
            directory=People(S0SECURITY=("U0CHO", "U0GUEST")),
        )
        await tell_all(self.store, notifier_of(self.store, story))

    async def click(self, user: str, ts: str, action: str = APPROVE, **more: Any) -> Delivered:
        return await self.people.click(user, channel=CHANNEL, ts=ts, action_id=action, **more)

    async def found(self, approval_id: str = "x") -> Approval:
        self.store.fault = None
        return await self.desk.get(approval_id)

    async def settle(self) -> None:
        """Return when all that was done by the way is done, and all private answers are told."""
        await wait_until(lambda: not _busy(), "nothing is under way")
        for logged in await MemoryStore.read(self.store, self.read, limit=1000):
            await self.private.tell(logged)
            self.read = logged.cursor

    async def answers(self, user: str) -> list[str]:
        """Return the private answers to somebody in channels, when all of them are out."""
        await self.settle()
        return [str(message["text"]) for message in await self.people.ephemerals(user)]

    async def direct(self, user: str) -> list[dict[str, Any]]:
        """Return what the bot wrote to somebody directly, when all of it is out."""
        await self.settle()
        world = self.slack.world
        return [
            message
            for message in (await self.people.state()).messages(world.direct(user).id)
            if message.get("bot_id")
        ]

    async def view(self, user: str) -> dict[str, Any]:
        """Return the modal on top before somebody."""
        await self.settle()
        return (await self.people.views(user))[-1]

    async def views(self, user: str) -> int:
        """Return how many modals are open before somebody."""
        await self.settle()
        return len(await self.people.views(user))

    async def press(self, user: str, action: str) -> Delivered:
        """Click a button of the modal on top."""
        view = await self.view(user)
        return await self.people.click(user, view_id=view["id"], action_id=action)

    async def home(self, user: str) -> dict[str, Any]:
        """Return somebody's home."""
        await self.settle()
        home = (await self.people.state()).home(user)
        assert home is not None, f"{user} has no home yet"
        return home

    async def refusals(self) -> list[tuple[str | None, str, str]]:
        """Return who was refused, why, and where."""
        return [
            (logged.event.principal, logged.event.reason, logged.event.surface)
            for logged in await MemoryStore.read(self.store, "", limit=1000)
            if isinstance(logged.event, ApprovalRefused)
        ]

    async def viewings(self) -> list[tuple[str, str]]:
        """Return who is on record as having seen something, and where."""
        return [
            (logged.event.principal, logged.event.surface)
            for logged in await MemoryStore.read(self.store, "", limit=1000)
            if isinstance(logged.event, ApprovalViewed)
        ]


def _busy() -> bool:
    return any(task.get_name() in _BY_THE_WAY for task in asyncio.all_tasks())


@asynccontextmanager
async def office(
    transport: Transport = "http", *, budgets: Budgets | None = None, form_budget: float = 0.8
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
            SlackDirectory(client, team=workspace.team), now=clock.monotonic, home=workspace.team
        )
        messenger = SlackMessenger(client)
        desk = Desk(store, clock=clock)
        story = story_of(store, messenger, desk=desk, team=TEAM, rendering=rendering(SEAL))
        handlers = Handlers(
            Doors(
                answers=Answers(desk, directory=directory, budgets=budgets or Budgets()),
                inboxes=Inboxes(store, directory, reader=READER),
                directory=directory,
                messenger=messenger,
                client=client,
                seal=SEAL,
                background=background,
                now=clock.monotonic,
                own=workspace.posted,
                adopt=story.adopt,
                form_budget=form_budget,
            )
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
        await people.edit_workspace(manifest=MANIFESTS[transport])
        private = PrivateAnswers(messenger, desk, notice, directory.names)
        yield Office(slack, people, store, clock, messenger, handlers, url, private)
