"""Draws every state of the card, its thread and the form behind Reject, for people to look at.

The approvals are real (the gate and its state machine make them), the rendering is the bot's, and
the page is the sandbox's. Chromium takes the pictures. Run it with `make gallery`, or::

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

from bot.messenger import Posted
from bot.sandbox import Clock, Sandbox, SandboxClient
from bot.slack.ids import REJECT, ButtonValue
from bot.slack.messenger import SlackMessenger
from bot.slack.render import card, reject_modal, reply
from gate import Approval, ApprovalGate, Desk, Quorum, Terms
from gate.testing import FakeClock
from stores.memory import MemoryStore

CHANNEL = "C0APPROVALS"
ANA, BEN = "slack:T0SANDBOX:U0ANA", "slack:T0SANDBOX:U0BEN"
TERMS = Terms(
    channel=CHANNEL,
    quorums=(Quorum(of=(ANA, BEN, "slack:T0SANDBOX:S0SECURITY")),),
    notify=("mention",),
)
USER = {"user_id": 42, "email": "kim@example.com", "erase_backups": False}
REFUND = {"order": "A-1009", "amount": 1250, "currency": "EUR"}
DEPLOY = {"service": "checkout", "version": "2.14.0", "regions": ["eu-west", "us-east"]}
TRICK = {"path": "/srv/reports/\u202egpj.exe", "note": "looks\u200b harmless"}
ROWS = {"rows": [{"id": number, "owner": f"user-{number}"} for number in range(200)]}


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
        self._messenger = messenger

    async def ask(self, name: str, payload: Any, reason: str | None = None, **terms: Any) -> str:
        """Ask, and route it; return the record's key."""
        approval = await self.gate.request(
            id=f"{name}-{clock_id(self.clock)}",
            name=name,
            payload=payload,
            reason=reason,
            expires_in=3600,
            **terms,
        )
        await self.desk.route(approval.key, TERMS)
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
        posted = await self._messenger.post(CHANNEL, card(approval))
        for logged in await self.store.read("", limit=1000):
            message = reply(logged.event, approval) if logged.event.key == key else None
            if message is not None:
                await self._messenger.post(CHANNEL, message, thread=posted.ts)
        return posted


def clock_id(clock: FakeClock) -> str:
    """Return a part of an id that no other approval has: each is asked at its own time."""
    return f"{clock.monotonic():.0f}"


async def _pending(studio: Studio) -> str:
    reason = "Kim asked support to close the account (ticket 1873)."
    return await studio.ask("delete-user", USER, reason)


async def _refused_click(studio: Studio) -> str:
    key = await _pending(studio)
    dan = "slack:T0SANDBOX:U0DAN"
    approval = await studio.desk.get(key)
    await studio.desk.refuse(approval, reason="not_approver", principal=dan, surface="card")
    return key


async def _warning(studio: Studio) -> str:
    return await studio.ask("open-file", TRICK, "It is only a picture.", run="job-7")


async def _too_large(studio: Studio) -> str:
    return await studio.ask("import-rows", ROWS, "The nightly import.")


async def _approved(studio: Studio) -> str:
    key = await studio.ask("deploy", DEPLOY, "All checks are green.")
    await studio.desk.decide(key, "approve", approver=ANA, surface="card")
    return key


async def _running(studio: Studio) -> str:
    key = await _approved(studio)
    await studio.run(key)
    return key


async def _done(studio: Studio) -> str:
    key = await _refused_click(studio)
    await studio.desk.decide(key, "approve", approver=ANA, surface="card")
    await studio.gate.report(await studio.run(key), seconds=0.8)
    return key


async def _failed(studio: Studio) -> str:
    key = await _approved(studio)
    await studio.gate.report(await studio.run(key), seconds=31.5, error="TimeoutError")
    return key


async def _rejected(studio: Studio) -> str:
    key = await studio.ask("refund", REFUND, "The parcel never arrived.")
    note = "Not without a second look at the amount."
    await studio.desk.decide(key, "deny", approver=BEN, note=note, surface="modal")
    return key


async def _skipped(studio: Studio) -> str:
    key = await studio.ask("send-newsletter", {"list": "all", "issue": 31})
    await studio.desk.decide(key, "skip", approver=BEN, surface="api", note="Next week.")
    return key


async def _cancelled(studio: Studio) -> str:
    key = await studio.ask("refund", REFUND, "The parcel never arrived.")
    await studio.desk.cancel(key, by="billing", reason="The parcel arrived after all.")
    return key


async def _undeliverable(studio: Studio) -> str:
    key = await studio.ask("deploy", DEPLOY, "All checks are green.")
    await studio.desk.cancel(key, by="signoff", undeliverable="not_in_channel")
    return key


async def _expired(studio: Studio) -> str:
    key = await studio.ask("delete-user", USER, "Kim asked support to close the account.")
    await studio.clock.advance(3600)
    await studio.desk.expire(key)
    return key


STATES: dict[str, Callable[[Studio], Awaitable[str]]] = {
    "expired": _expired,  # first: the others shall not be an hour older
    "skipped": _skipped,
    "cancelled": _cancelled,
    "undeliverable": _undeliverable,
    "failed": _failed,
    "running": _running,
    "approved": _approved,
    "rejected": _rejected,
    "done": _done,
    "too-large": _too_large,
    "warning": _warning,
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


@asynccontextmanager
async def set_stage(
    states: dict[str, Callable[[Studio], Awaitable[str]]], *, program: str, folder: Path
) -> AsyncIterator[Stage]:
    """Open a sandbox and post one card for each of *states*."""
    clock = FakeClock(datetime.now(UTC).replace(second=0, microsecond=0))
    sandbox = Sandbox(clock=Clock(lambda: clock.now().timestamp()))
    sandbox.request_url = "http://127.0.0.1:9/"  # the page says that an app is there
    async with sandbox, SandboxClient(sandbox.url) as people:
        client = AsyncWebClient(token=sandbox.bot_token, base_url=sandbox.api_url)
        studio = Studio(SlackMessenger(client), clock)
        posted = {name: await studio.post(await make(studio)) for name, make in states.items()}
        yield Stage(studio, people, client, Camera(program, sandbox.url, folder), posted)


async def draw(folder: Path, *, program: str) -> None:
    """Draw the gallery into *folder*, with Chromium at *program*."""
    async with set_stage({"card": _refused_click}, program=program, folder=folder) as stage:
        await stage.camera.take("card", (1180, 660), thread=stage.posted["card"].ts)
    async with set_stage(STATES, program=program, folder=folder) as stage:
        take = stage.camera.take
        await take("all-light", (1280, 4700))
        await take("all-dark", (1280, 4700), theme="dark")
        await take("all-phone", (500, 5400))
        await take("inspector", (1280, 800), inspector="1")
        for name, where in stage.posted.items():
            await take(f"thread-{name}", (1180, 760), thread=where.ts, message=where.ts)
        await _open_form(stage)
        await take("form-light", (1180, 760))
        await take("form-dark", (1180, 760), theme="dark")
        await take("form-phone", (500, 844))


async def _open_form(stage: Stage) -> None:
    where = stage.posted["pending"]
    click = await stage.people.click_payload(
        "U0ANA", action_id=REJECT, channel=where.channel, ts=where.ts
    )
    value = ButtonValue.parse(click["actions"][0]["value"])
    view = reject_modal(
        await stage.studio.desk.get(value.key), value, channel=where.channel, ts=where.ts
    )
    await stage.client.views_open(trigger_id=click["trigger_id"], view=view)


def main(folder: Path) -> None:
    """Make the folder, and draw."""
    program = shutil.which("chromium") or shutil.which("google-chrome")
    if program is None:
        raise SystemExit("chromium is missing: install it with the system's package manager")
    folder.mkdir(parents=True, exist_ok=True)
    asyncio.run(draw(folder, program=program))


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else "gallery"))
