"""Slack's own rate limits, optional and scaled, and the clock they run on."""

from __future__ import annotations

import asyncio
import time

import pytest
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from bot.sandbox import Clock, RateLimits, Sandbox, SandboxClient
from bot.sandbox.rate_limits import RateMeter

from .conftest import APPROVALS


class Frozen:
    """Seconds that only a test moves."""

    def __init__(self) -> None:
        self.seconds = 1_000_000.0

    def __call__(self) -> float:
        return self.seconds


@pytest.fixture
def clock() -> Clock:
    return Clock(Frozen())


async def _refusals(web: AsyncWebClient, count: int, channel: str = APPROVALS) -> list[str]:
    """The Retry-After of those of so many posts that were refused."""
    found = []
    for _ in range(count):
        try:
            await web.chat_postMessage(channel=channel, text="x")
        except SlackApiError as error:
            found.append(str(error.response.headers["Retry-After"]))
    return found


async def test_posts_are_paced_per_channel(
    web: AsyncWebClient, client: SandboxClient, clock: Clock
) -> None:
    """A short burst, then one post a second in each channel; violations are counted."""
    await client.faults.rate_limits({"burst": 3})
    assert ["1"] == await _refusals(web, 4)
    assert [] == await _refusals(web, 3, channel="C0PRIVATE")
    clock.advance(1)
    assert ["1"] == await _refusals(web, 2)
    state = await client.state()
    assert ({"chat.postMessage": 2}, {}) == (state.violations, state.too_early)
    assert ["1"] == await _refusals(web, 1)
    state = await client.state()
    assert {"chat.postMessage": 1} == state.too_early


async def test_an_app_that_keeps_the_pace_is_never_refused(
    web: AsyncWebClient, client: SandboxClient, clock: Clock
) -> None:
    """One post a second for a minute breaks no limit."""
    await client.faults.rate_limits(RateLimits(burst=1))
    for _ in range(60):
        assert [] == await _refusals(web, 1)
        clock.advance(1)
    assert {} == (await client.state()).violations


async def test_methods_have_their_tiers(web: AsyncWebClient, client: SandboxClient) -> None:
    """Tier 2 takes 20 calls a minute; another method has its own budget."""
    await client.faults.rate_limits({})
    for _ in range(20):
        await web.usergroups_users_list(usergroup="S0OWNERS")
    with pytest.raises(SlackApiError) as caught:
        await web.usergroups_users_list(usergroup="S0OWNERS")
    assert "3" == caught.value.response.headers["Retry-After"]
    await web.usergroups_list()
    await client.faults.rate_limits(None)
    await web.usergroups_users_list(usergroup="S0OWNERS")


async def test_limits_can_only_count(web: AsyncWebClient, client: SandboxClient) -> None:
    """With `enforce` off nothing is refused."""
    await client.faults.rate_limits({"burst": 1, "enforce": False})
    assert [] == await _refusals(web, 5)
    assert {"chat.postMessage": 4} == (await client.state()).violations


async def test_a_slack_second_can_be_short() -> None:
    """With a scale of 100,000, a second of Slack's is ten microseconds, also in Retry-After."""
    async with (
        Sandbox(rate_limits={"scale": 100_000, "burst": 1}) as sandbox,
        SandboxClient(sandbox.url) as client,
    ):
        web = AsyncWebClient(token=sandbox.bot_token, base_url=sandbox.api_url, retry_handlers=[])
        for number in range(5):
            await web.chat_postMessage(channel=APPROVALS, text=str(number))
            await client.wait_for(lambda _: True, "one round trip, longer than ten microseconds")
        assert {} == (await client.state()).violations


def test_a_scaled_wait_is_told_in_real_seconds() -> None:
    """Retry-After is a decimal where Slack's seconds are shortened."""
    meter = RateMeter(RateLimits(scale=100, burst=1), Clock(Frozen()))
    assert [None, "0.010000"] == [meter.refusal("chat.postMessage", "C1") for _ in range(2)]
    assert meter.refusal("auth.test", None) is None
    with pytest.raises(ValueError, match="positive"):
        RateLimits(scale=0)


async def test_a_clock_can_run_fast() -> None:
    """An hour of sandbox time passes in a hundredth of a second."""
    clock = Clock(speed=360_000)
    began, real = clock.now(), time.perf_counter()
    await clock.sleep(3600)
    assert clock.now() - began >= 3600
    assert time.perf_counter() - real < 1


async def test_changing_the_speed_does_not_jump() -> None:
    """Time goes on from where it was; waiting sleepers follow the new speed."""
    base = Frozen()
    clock = Clock(base)
    base.seconds += 10
    clock.set_speed(60)
    base.seconds += 1
    assert 1_000_070.0 == clock.now()
    sleeping = asyncio.ensure_future(clock.sleep(3600))
    await asyncio.sleep(0)
    clock.advance(3600)
    await asyncio.wait_for(sleeping, 1)
    with pytest.raises(ValueError, match="positive"):
        clock.set_speed(0)


async def test_speed_leaves_an_app_its_time(web: AsyncWebClient, client: SandboxClient) -> None:
    """Trigger ids live three real seconds, however fast the sandbox's clock is."""
    await client.set_clock_speed(1000)
    state = await client.state()
    assert state.data["now"] >= 1_000_000.0
    base = Frozen()
    fast = Clock(base, speed=1000)
    patience = fast.patience()
    base.seconds += 2
    assert (2.0, 2000.0) == (fast.patience() - patience, fast.now() - 1_000_000.0)
