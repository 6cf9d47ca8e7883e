"""Draws all that people see in Slack: cards, threads, forms, reviews, homes and private answers.

Gate and state machine make the approvals, the rendering is the bot's, the page is the sandbox's.
Chromium takes the pictures. Run it with `make gallery`, or::

    python examples/gallery.py [folder]
"""

from __future__ import annotations

import asyncio
import shutil
import sys
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from slack_sdk.web.async_client import AsyncWebClient

from bot.directory import Names
from bot.inbox import Inbox
from bot.masking import Masking
from bot.messenger import Message, Posted
from bot.sandbox import Clock, Sandbox, SandboxClient
from bot.slack import render
from bot.slack.ids import REJECT
from bot.slack.messenger import SlackMessenger
from bot.slack.render.answer_form import answer_modal
from bot.slack.render.editing import edit_modal
from bot.slack.seal import Seal
from gate import (
    Approval,
    ApprovalGate,
    ApprovalRefused,
    ApprovalVoted,
    Desk,
    Quorum,
    StoreUnavailable,
    Terms,
    Unconfirmed,
    Verdict,
)
from gate.testing import FakeClock
from stores.memory import MemoryStore

CHANNEL = "C0APPROVALS"
ANA, BEN = "slack:T0SANDBOX:U0ANA", "slack:T0SANDBOX:U0BEN"
SECURITY = "slack:T0SANDBOX:S0SECURITY"
TERMS = Terms(channel=CHANNEL, quorums=(Quorum(of=(ANA, BEN, SECURITY)),), notify=("mention",))
TWO = TERMS.model_copy(update={"quorums": (Quorum(of=(ANA, BEN), needed=2),)})
USER = {"user_id": 42, "email": "kim@example.com", "erase_backups": False}
REFUND = {"order": "A-1009", "amount": 1250, "currency": "EUR"}
BY_HAND = "Refunded by hand, see ticket 1873.\nTell the customer so."
MAIL = {"host": "mail.example.com", "port": 25, "user": "billing", "password": "hunter2!"}
DEPLOY = {"service": "checkout", "version": "2.14.0", "regions": ["eu-west", "us-east"]}
CHANGE = {
    "file": "billing/rates.py",
    "before": 'RATES = {\n    "basic": 10,\n    "plus": 20,\n}\n',
    "after": 'RATES = {\n    "basic": 10,\n    "plus": 25,\n    "max": 40,\n}\n',
}
TRAP = {"url": "https://\u0440\u0430ypal.com/transfer", "amount": 1250}
WIDE = {"key_" * 40: True}
STAMP = Seal(b"nobody's secret, for the pictures", installation="T0SANDBOX B0SIGNOFF").value
HOW: dict[str, Any] = {"stamp": STAMP, "masking": Masking(secret=b"as above, for the pictures")}
NAMES = Names({ANA: "Ana Ortiz", BEN: "Ben Okafor"}, home="T0SANDBOX")
TRICK = {"path": "/srv/reports/\u202egpj.exe", "note": "looks\u200b harmless"}
ROWS = {"dry_run": True, "rows": [{"id": n, "owner": f"user-{n}"} for n in range(200)]}


class Studio:
    """Makes approvals in any state, and posts them as the bot would.

    Args:
        messenger: Posts to the sandbox.
        clock: Time of the gate and of the sandbox.
    """

    def __init__(self, messenger: SlackMessenger, clock: FakeClock) -> None:
        self.store = MemoryStore(clock=clock)
        self.gate = ApprovalGate(self.store, agent="billing", clock=clock)
        self.desk = Desk(self.store, clock=clock)
        self.clock = clock
        self.messenger = messenger

    async def ask(
        self, name: str, payload: Any, reason: str | None = None, terms: Terms = TERMS, **how: Any
    ) -> str:
        """Ask, and route it; return the record's key."""
        own = f"request-{self.clock.monotonic():.0f}"
        approval = await self.gate.request(
            id=own, name=name, payload=payload, reason=reason, expires_in=3600, **how
        )
        await self.desk.route(approval.key, terms)
        await self.clock.advance(95)
        return approval.key

    async def run(self, key: str) -> Approval:
        """Take the run that an approval releases."""
        await self.clock.advance(2)
        approval = await self.desk.get(key)
        return await self.gate.consume(approval, payload=approval.effective_payload)

    async def post(self, key: str) -> Posted:
        """Post the card as it stands, and its thread."""
        approval = await self.desk.get(key)
        posted = await self.messenger.post(CHANNEL, render.card(approval, **HOW))
        for logged in await self.store.read("", limit=1000):
            message = render.reply(logged.event, approval) if logged.event.key == key else None
            if message is not None:
                await self.messenger.post(CHANNEL, message, thread=posted.ts)
        return posted


Make = Callable[[Studio], Awaitable[str]]


def _made(
    name: str,
    arguments: Any,
    reason: str | None = None,
    verdict: str | None = None,
    asked: dict[str, Any] | None = None,
    **how: Any,
) -> Make:
    """Return what asks for it and, with a verdict, has one person answer."""

    async def make(studio: Studio) -> str:
        key = await studio.ask(name, arguments, reason, **asked or {})
        if verdict is not None:
            said: dict[str, Any] = {"approver": BEN, "surface": "card", "seen": True, **how}
            await studio.desk.decide(key, verdict, **said)
        return key

    return make


GREEN, LOST = "All checks are green.", "The parcel never arrived."
OPEN = {"terms": TWO, "editable": True, "allow_override": True, "policy": "rule 2: money asks two"}
_pending = _made("delete-user", USER, "Kim asked support to close the account (ticket 1873).")
_half = _made("refund", REFUND, LOST, "approve", {**OPEN, "policy": None})
_approved = _made("deploy", DEPLOY, GREEN, "approve", approver=ANA)


async def _running(studio: Studio) -> str:
    key = await _approved(studio)
    await studio.run(key)
    return key


async def _done(studio: Studio) -> str:
    key = await _pending(studio)
    await studio.desk.decide(key, "approve", approver=ANA, surface="card", seen=True)
    await studio.gate.report(await studio.run(key), seconds=0.8)
    return key


async def _failed(studio: Studio) -> str:
    key = await _approved(studio)
    await studio.gate.report(await studio.run(key), seconds=31.5, error="TimeoutError")
    return key


async def _cancelled(studio: Studio) -> str:
    key = await studio.ask("refund", REFUND, LOST)
    await studio.desk.cancel(key, by="billing", reason="It arrived after all.")
    return key


async def _undeliverable(studio: Studio) -> str:
    key = await studio.ask("deploy", DEPLOY, GREEN)
    await studio.desk.cancel(key, by="signoff", undeliverable="not_in_channel")
    return key


async def _expired(studio: Studio) -> str:
    key = await studio.ask("delete-user", USER, "Kim asked support to close the account.")
    await studio.clock.advance(3600)
    await studio.desk.expire(key)
    return key


STATES: dict[str, Make] = {
    "expired": _expired,  # first: the others shall not be an hour older
    "skipped": _made("send-newsletter", {"list": "all"}, None, "skip", note="Next week."),
    "cancelled": _cancelled,
    "undeliverable": _undeliverable,
    "failed": _failed,
    "running": _running,
    "approved": _approved,
    "rejected": _made("refund", REFUND, LOST, "deny", note="Not at this amount.", surface="form"),
    "done": _done,
    "half": _half,
    "editable": _made("refund", REFUND, LOST, asked=OPEN),
    "edited": _made("refund", REFUND, LOST, "approve", OPEN, payload=REFUND | {"amount": 950}),
    "answered": _made("refund", REFUND, LOST, "approve", OPEN, override_result=BY_HAND),
    "masked": _made("set-up-mail", MAIL, None, "approve", OPEN, payload=MAIL | {"port": 465}),
    "unreadable": _made("set-flags", WIDE),
    "trap": _made("p\u0430y", TRAP, "The invoice is due today."),
    "change": _made("edit-file", CHANGE, "The new price list."),
    "too-large": _made("import-rows", ROWS, "The nightly import.", asked=OPEN),
    "no-form": _made("deploy", ["checkout", "2.14.0"], GREEN, asked=OPEN),
    "warning": _made("open-file", TRICK, "It is only a picture."),
    "pending": _pending,
}


@dataclass(frozen=True)
class Camera:
    """Takes pictures of the sandbox's page with a Chromium of its own.

    Attributes:
        program: Chromium.
        url: The sandbox's.
        folder: Where the pictures go.
    """

    program: str
    url: str
    folder: Path

    async def take(self, name: str, size: tuple[int, int], **query: str) -> None:
        """Take one picture of so many points."""
        asked = {"channel": CHANNEL, "as": "U0ANA", "live": "0", "theme": "light", **query}
        address = f"{self.url}/?" + "&".join(f"{key}={value}" for key, value in asked.items())
        with tempfile.TemporaryDirectory(prefix="signoff-gallery-") as profile:
            process = await asyncio.create_subprocess_exec(
                self.program,
                "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
                "--disable-background-networking", "--disable-component-update", "--disable-sync",
                "--disable-dev-shm-usage", "--hide-scrollbars", f"--user-data-dir={profile}",
                f"--window-size={size[0]},{size[1]}", "--virtual-time-budget=4000",
                f"--screenshot={self.folder / name}.png", address,
                stdout=asyncio.subprocess.DEVNULL,
                stderr=asyncio.subprocess.DEVNULL,
            )  # fmt: skip
            await process.wait()
        if process.returncode or not (self.folder / f"{name}.png").exists():
            raise SystemExit(f"{self.program} took no picture of {name}")
        print(f"{self.folder / name}.png")


@dataclass(frozen=True)
class Stage:
    """A sandbox with cards in it."""

    studio: Studio
    people: SandboxClient
    client: AsyncWebClient
    camera: Camera
    posted: dict[str, Posted]
    keys: dict[str, str]


@asynccontextmanager
async def set_stage(states: dict[str, Make], *, program: str, folder: Path) -> AsyncIterator[Stage]:
    """Open a sandbox and post one card for each of *states*."""
    clock = FakeClock(datetime.now(UTC).replace(second=0, microsecond=0))
    sandbox = Sandbox(clock=Clock(lambda: clock.now().timestamp()))
    sandbox.request_url = "http://127.0.0.1:9/"  # the page says that an app is there
    async with sandbox, SandboxClient(sandbox.url) as people:
        client = AsyncWebClient(token=sandbox.bot_token, base_url=sandbox.api_url)
        studio = Studio(SlackMessenger(client), clock)
        keys = {name: await make(studio) for name, make in states.items()}
        posted = {name: await studio.post(key) for name, key in keys.items()}
        camera = Camera(program, sandbox.url, folder)
        yield Stage(studio, people, client, camera, posted, keys)


async def draw(folder: Path, *, program: str) -> None:
    """Draw the gallery into *folder*, with Chromium at *program*."""
    async with set_stage({"card": _half}, program=program, folder=folder) as stage:
        await stage.camera.take("card", (1190, 640), thread=stage.posted["card"].ts)
    async with set_stage(STATES, program=program, folder=folder) as stage:
        await in_three(stage, "all", (1280, 6400), (500, 7400))
        await stage.camera.take("inspector", (1280, 800), inspector="1")
        for name, at in stage.posted.items():
            await stage.camera.take(f"thread-{name}", (1180, 900), thread=at.ts, message=at.ts)
        for name, view in (await views(stage)).items():
            await open_view(stage, view)
            await in_three(stage, f"view-{name}", (1180, 1500), (500, 1700))
        await stage.people.close_view("U0ANA", everything=True)
        await stage.client.views_publish(user_id="U0ANA", view=await home(stage))
        await in_three(stage, "home", (1180, 1700), (500, 2100), channel="home")
        copy = await direct(stage)
        await in_three(stage, "direct", (1180, 900), (500, 1100), channel=copy.channel)
    async with set_stage({"pending": _pending}, program=program, folder=folder) as stage:
        for message in await answers(stage):
            await stage.studio.messenger.tell(CHANNEL, "U0ANA", message)
        await in_three(stage, "answers", (1280, 2900), (500, 3600))


async def in_three(
    stage: Stage, name: str, desk: tuple[int, int], phone: tuple[int, int], **query: str
) -> None:
    """Take the same picture in light, in dark, and at the width of a phone."""
    await stage.camera.take(f"{name}-light", desk, **query)
    await stage.camera.take(f"{name}-dark", desk, theme="dark", **query)
    await stage.camera.take(f"{name}-phone", phone, **query)


async def approval_of(stage: Stage, name: str) -> Approval:
    """Return the approval behind one of the cards."""
    return await stage.studio.desk.get(stage.keys[name])


async def views(stage: Stage) -> dict[str, dict[str, Any]]:
    """Return the modals: a review from its first to its last page, the form, and the end."""
    large, pending = await approval_of(stage, "too-large"), await approval_of(stage, "pending")
    pages = render.review_pages(large)
    shown: dict[str, Any] = HOW | {"person": "U0ANA", "place": CHANNEL}
    made = {
        f"review-{page}": render.review_modal(large, page, names=NAMES, **shown)
        for page in sorted({1, 2, pages})
    }
    change = await approval_of(stage, "change")
    made["review-change"] = render.review_modal(
        change, 1, names=NAMES, notice="You have not been shown all of it yet.", **shown
    )
    made["reject"] = render.reject_modal(pending, **shown)
    masked = await approval_of(stage, "masked")
    made["review-masked"] = render.review_modal(masked, 1, names=NAMES, **shown)
    editable = await approval_of(stage, "editable")
    made |= {"edit": edit_modal(editable, **shown) or {}, "answer": answer_modal(editable, **shown)}
    made["ended"] = render.ended_modal(await approval_of(stage, "rejected"), names=NAMES)
    return made


async def open_view(stage: Stage, view: dict[str, Any]) -> None:
    """Show a modal to Ana, in place of the one that she sees."""
    if await stage.people.views("U0ANA"):
        await stage.people.close_view("U0ANA", everything=True)
    ts = stage.posted["pending"].ts
    click = await stage.people.click_payload("U0ANA", action_id=REJECT, channel=CHANNEL, ts=ts)
    await stage.client.views_open(trigger_id=click["trigger_id"], view=view)


async def home(stage: Stage) -> dict[str, Any]:
    """Return Ana's home."""
    found = {name: await approval_of(stage, name) for name in STATES}
    inbox = Inbox(
        needs_you=tuple(found[name] for name in ("pending", "trap", "edited", "answered")),
        waiting=(found["half"], found["masked"]),
        decided=tuple(found[name] for name in ("done", "rejected", "expired")),
        more=3,
    )
    now = stage.studio.clock.now()
    return render.home(inbox, stamp=STAMP, person="U0ANA", now=now, names=NAMES)


async def direct(stage: Stage) -> Posted:
    """Write to Ana directly: one request that waits, and one that was rejected."""
    link = await stage.studio.messenger.link(stage.posted["pending"])
    for name in ("rejected", "pending"):
        copy = await approval_of(stage, name)
        posted = await stage.studio.messenger.post(
            "U0ANA", render.direct(copy, link, stamp=STAMP, person="U0ANA", names=NAMES)
        )
    return posted


async def answers(stage: Stage) -> list[Message]:
    """Return what only one person sees: what came of a click, lists, summaries."""
    asked = await approval_of(stage, "pending")
    now = stage.studio.clock.now()
    by: dict[str, Any] = {"id": asked.id, "at": now, "principal": ANA, "place": CHANNEL}
    words = (
        "not_approver", "not_by", "not_routed", "not_checked", "not_member", "incomplete_view",
        "already_answered", "already_decided", "approval_not_found", "stale_card", "foreign_card",
    )  # fmt: skip
    return [
        render.notice(ApprovalVoted(**by, verdict=Verdict.APPROVE), asked, names=NAMES),
        *(render.notice(ApprovalRefused(**by, reason=word), asked, names=NAMES) for word in words),
        render.unrecorded(StoreUnavailable("decide", cause="refused")),
        render.unrecorded(Unconfirmed("decide")),
        render.form_failed(),
        render.form_failed(rejected=True),
        render.too_many(),
        render.listing([asked], total=3, now=now),
        render.details(asked, names=NAMES),
        render.who_can_decide(asked, names=NAMES, you_may=True),
        render.unknown_id("delete *everything*"),
        render.usage(),
    ]


def main(folder: Path) -> None:
    """Make the folder, and draw."""
    program = shutil.which("chromium") or shutil.which("google-chrome")
    if program is None:
        raise SystemExit("chromium is missing: install it with the system's package manager")
    folder.mkdir(parents=True, exist_ok=True)
    asyncio.run(draw(folder, program=program))


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else "gallery"))
