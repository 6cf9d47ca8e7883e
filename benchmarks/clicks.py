"""Rows 11 and 12: from a person's click to Slack's acknowledgement, and to the agent's action."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
import time
from collections import defaultdict
from itertools import cycle
from pathlib import Path
from typing import Any, Final
from urllib.parse import parse_qs, urlencode

import aiohttp
from aiohttp import web
from slack_bolt.adapter.aiohttp import to_aiohttp_response, to_bolt_request
from slack_bolt.async_app import AsyncApp
from slack_bolt.authorization import AuthorizeResult
from slack_sdk.signature import SignatureVerifier

from bot.keyring import open_keyring
from bot.sandbox.signing import signed_headers
from bot.slack.ids import ButtonValue
from gate import ApprovalGate, Desk
from stores import open_store

from .house import APPROVE, CHANNEL, GROUP, PEOPLE, TEAM, Lodge, lodge
from .report import Row, percentile
from .stage import AGENT, Child, Stage, answer, children, name_of, now

__all__ = ["clicks"]

_PACE: Final = 0.02
"""Seconds between two clicks: the one before is told by then, and caches are warm."""


async def clicks(stage: Stage) -> list[Row]:
    """Measure rows 11 and 12."""
    async with lodge(stage, transport="http") as there:
        rows = await _http(stage, there)
    async with lodge(stage, transport="socket") as there:
        return rows + await _socket(stage, there)


async def _http(stage: Stage, there: Lodge) -> list[Row]:
    secret = str(there.house.slack_wire["signing_secret"])
    keys = str(there.house.folder / "keys")
    thin = Child(_thin, there.house.redis.url, keys, secret)
    bolt = Child(_bolt, there.house.redis.url, keys, secret)
    found: dict[str, list[list[float]]] = defaultdict(list)
    with children(thin, bolt):
        addresses = {
            "ours": there.house.bots[0].address,
            "thin": await thin.hear(),
            "bolt": await bolt.hear(),
        }
        async with aiohttp.ClientSession() as session:
            count = stage.some(25, 6)
            for turn in range(-1, stage.rounds):  # the first one is for the caches
                ids = [name_of(1000 * (turn + 1) + at, kind="c") for at in range(3 * count)]
                await there.ask(ids)
                order = [side for side in addresses for _ in range(count)]
                stage.random.shuffle(order)
                taken: dict[str, list[float]] = defaultdict(list)
                for name, side, person in zip(ids, order, cycle(PEOPLE)):
                    payload = await there.slack.click_payload(
                        person, action_id=APPROVE, channel=CHANNEL, ts=there.cards[name]
                    )
                    await asyncio.sleep(_PACE)
                    taken[side].append(await _post(session, addresses[side], secret, payload))
                    assert (await there.gate.get(name)).status == "approved", "it counted"
                if turn >= 0:
                    for side in addresses:
                        found[side].append(taken[side])
    return _http_rows(stage, found)


async def _post(
    session: aiohttp.ClientSession, address: str, secret: str, payload: dict[str, Any]
) -> float:
    """Return the milliseconds until the acknowledgement is there."""
    body = urlencode({"payload": json.dumps(payload)}).encode()
    headers = {
        "Content-Type": "application/x-www-form-urlencoded",
        **signed_headers(secret, int(time.time()), body),
    }
    began = now()
    async with session.post(address, data=body, headers=headers) as response:
        await response.read()
        took = (now() - began) / 1e6
        assert response.status == 200, f"{address}: {response.status}"
    return took


def _http_rows(stage: Stage, found: dict[str, list[list[float]]]) -> list[Row]:
    def each(side: str, share: float = 0.5) -> tuple[float, ...]:
        return tuple(percentile(taken, share) for taken in found[side])

    setting = stage.setting(1)
    more = {"p99 ms, ours and thin": (max(each("ours", 0.99)), max(each("thin", 0.99)))}
    what = "click to ack, decision stored, HTTP, p50"
    return [
        Row(number="11", what=what, unit="ms", ours=each("ours"), against=each("thin"),
            versus="thin aiohttp handler", goal=1.5, stretch=1.3, setting=setting, more=more),
        Row(number="11", what=what, unit="ms", ours=each("ours"), against=each("bolt"),
            versus="Bolt by default", goal=0.2, setting=setting),
    ]  # fmt: skip


async def _socket(stage: Stage, there: Lodge) -> list[Row]:
    house = there.house
    thin = Child(_thin_socket, house.redis.url, str(house.folder / "keys"), dict(house.slack_wire))
    agent = Child(_acts, house.redis.url, house.public_keys)
    acks: dict[str, list[list[float]]] = defaultdict(list)
    paths: list[list[float]] = []
    count = stage.some(60, 9)
    with children(thin, agent):
        await thin.hear()
        await agent.hear()
        for turn in range(-1, stage.rounds):
            ids = [name_of(1000 * (turn + 1) + at, kind="s") for at in range(count)]
            agent.tell(ids)
            await there.carded(ids)
            began, ended = {}, {}
            for name, person in zip(ids, cycle(PEOPLE)):
                await asyncio.sleep(_PACE)
                began[name] = now()
                clicked = await there.slack.click(
                    person,
                    action_id=APPROVE,
                    channel=CHANNEL,
                    ts=there.cards[name],
                )
                assert clicked.ok, clicked.error
                ended[name] = clicked.latency_ms
            started = await agent.hear()
            thin.tell("which")
            by_thin = set(await thin.hear())
            if turn >= 0:
                acks["thin"].append([ended[name] for name in ids if name in by_thin])
                acks["ours"].append([ended[name] for name in ids if name not in by_thin])
                paths.append(
                    [(started[name] - began[name]) / 1e6 for name in ids if name not in by_thin]
                )
    return _socket_rows(stage, acks, paths)


def _socket_rows(
    stage: Stage, acks: dict[str, list[list[float]]], paths: list[list[float]]
) -> list[Row]:
    setting = stage.setting(1)
    rows = [
        Row(
            number="11",
            what="click to ack, decision stored, Socket Mode, p50",
            unit="ms",
            ours=tuple(percentile(each, 0.5) for each in acks["ours"]),
            against=tuple(percentile(each, 0.5) for each in acks["thin"]),
            versus="thin web socket",
            goal=1.5,
            stretch=1.3,
            setting=setting,
        )
    ]
    for share, wanted in ((0.5, 10.0), (0.99, 50.0)):
        rows.append(
            Row(
                number="12",
                what=f"click in the sandbox to the agent's action, p{100 * share:g}",
                unit="ms",
                ours=tuple(percentile(each, share) for each in paths),
                versus="a goal in ms",
                goal=wanted,
                setting=setting,
            )
        )
    return rows


class _Counter:
    """Does what the bot does with a click, and nothing else."""

    def __init__(self, desk: Desk, secret: bytes) -> None:
        self._desk = desk
        self._secret = secret
        self.done: list[str] = []

    async def approve(self, payload: dict[str, Any]) -> None:
        """Check and decide."""
        user, team = payload["user"]["id"], payload["user"]["team_id"]
        head, _, mac = payload["actions"][0]["value"].rpartition("|")
        # Another key than the bot's: what it costs is the same.
        seal = hmac.new(self._secret, f"{CHANNEL}{head}".encode(), hashlib.sha256).hexdigest()
        assert not hmac.compare_digest(mac, seal), "two keys"
        assert team == TEAM, "one of ours"
        assert user in PEOPLE, "a member"
        key = ButtonValue.parse(head).key
        approval = await self._desk.get(key)
        await self._desk.vouch(approval)
        assert not approval.final, "pending"
        await self._desk.decide(
            key,
            "approve",
            approver=f"slack:{team}:{user}",
            groups=(f"slack:{team}:{GROUP}",),
            surface="card",
            seen=True,
            require_route=True,
            place=payload["channel"]["id"],
            attempt=payload["trigger_id"],
        )
        self.done.append(key)


def _counter(store: Any, keys: str) -> _Counter:
    keyring = open_keyring(Path(keys), create=False)
    return _Counter(Desk(store, notary=keyring.notary()), keyring.secret)


async def _listen(application: web.Application) -> tuple[web.AppRunner, str]:
    runner = web.AppRunner(application, access_log=None)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    return runner, f"http://127.0.0.1:{runner.addresses[0][1]}/slack/events"


def _thin(pipe: Any, url: str, keys: str, secret: str) -> None:
    """Take clicks over HTTP with as little as it takes."""

    async def work() -> None:
        verifier = SignatureVerifier(secret)
        async with open_store(url) as store:
            counter = _counter(store, keys)

            async def handle(request: web.Request) -> web.Response:
                body = await request.read()
                if not verifier.is_valid(
                    body,
                    request.headers["X-Slack-Request-Timestamp"],
                    request.headers["X-Slack-Signature"],
                ):
                    return web.Response(status=401)
                payload = json.loads(parse_qs(body.decode())["payload"][0])
                await counter.approve(payload)
                return web.Response()

            application = web.Application()
            application.router.add_post("/slack/events", handle)
            runner, address = await _listen(application)
            pipe.send(address)
            await asyncio.to_thread(pipe.recv)
            await runner.cleanup()

    answer(pipe, work)


def _bolt(pipe: Any, url: str, keys: str, secret: str) -> None:
    """Take clicks with Bolt as its documents show it."""

    async def work() -> None:
        async def authorize(**_: Any) -> AuthorizeResult:
            return AuthorizeResult(
                enterprise_id=None, team_id=TEAM, bot_user_id="U0BOT", bot_id="B0BOT",
                bot_token="xoxb-none",
            )  # fmt: skip

        async with open_store(url) as store:
            counter = _counter(store, keys)
            app = AsyncApp(signing_secret=secret, authorize=authorize)

            @app.action(APPROVE)
            async def approve(ack: Any, body: dict[str, Any]) -> None:
                await counter.approve(body)
                await ack()

            async def handle(request: web.Request) -> web.Response:
                return await to_aiohttp_response(
                    await app.async_dispatch(await to_bolt_request(request))
                )

            application = web.Application()
            application.router.add_post("/slack/events", handle)
            runner, address = await _listen(application)
            pipe.send(address)
            await asyncio.to_thread(pipe.recv)
            await runner.cleanup()

    answer(pipe, work)


def _thin_socket(pipe: Any, url: str, keys: str, wire: dict[str, Any]) -> None:
    """Take clicks over a web socket with as little as it takes."""

    async def work() -> None:
        async with open_store(url) as store, aiohttp.ClientSession() as session:
            counter = _counter(store, keys)
            headers = {"Authorization": f"Bearer {wire['app_token']}"}
            opened = await session.post(f"{wire['api_url']}apps.connections.open", headers=headers)
            socket = await session.ws_connect((await opened.json())["url"])

            async def serve() -> None:
                async for message in socket:
                    envelope = json.loads(message.data)
                    if envelope["type"] == "interactive":
                        await counter.approve(envelope["payload"])
                        await socket.send_str(json.dumps({"envelope_id": envelope["envelope_id"]}))

            task = asyncio.create_task(serve())
            pipe.send("ready")
            while await asyncio.to_thread(pipe.recv):
                pipe.send(counter.done)
            task.cancel()

    answer(pipe, work)


def _acts(pipe: Any, url: str, public_keys: str) -> None:
    """Be an agent that does what it was allowed to."""

    async def work() -> None:
        async with (
            open_store(url) as store,
            ApprovalGate(store, agent=AGENT, public_keys=[public_keys]) as gate,
        ):
            pipe.send("ready")

            async def act(name: str) -> tuple[str, int]:
                payload = {"account": "acct-000042", "cents": 1250}
                async with gate.guard(id=name, name="pay", payload=payload):
                    return name, now()

            while ids := await asyncio.to_thread(pipe.recv):
                pipe.send(dict(await asyncio.gather(*(act(name) for name in ids))))

    answer(pipe, work)
