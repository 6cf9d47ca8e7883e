"""The bounds on real servers: memory kept free for answers, the minute, and what is forgotten."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta

import pytest

from gate import ApprovalGate, Bounds, LimitExceeded, Patched, StoreUnavailable
from stores.conformance.samples import (
    START,
    consumption,
    decided,
    pending,
    requested,
    resolved,
    routed,
)
from stores.redis import RedisStore
from stores.redis.keys import META
from stores.redis.scripts import script
from tests.support.servers import RedisServer, redis_server

MIB = 1024 * 1024
BALLAST = "ballast"


@pytest.fixture
async def store(any_server: RedisServer) -> AsyncIterator[RedisStore]:
    async with RedisStore(any_server.url) as opened:
        yield opened


def _fill(server: RedisServer, *, share: float) -> None:
    """Let the server use *share* of its memory limit, by the limit and what is there."""
    server.ask("SET", BALLAST, "x" * MIB)
    server.ask("SETRANGE", BALLAST, str(64 * MIB), "x")
    info = server.ask("INFO", "memory").decode()
    used = int(info.partition("used_memory:")[2].split()[0])
    server.ask("CONFIG", "SET", "maxmemory", str(int(used / share)))


def _empty(server: RedisServer) -> None:
    server.ask("CONFIG", "SET", "maxmemory", "0")
    server.ask("DEL", BALLAST)


async def test_the_last_fifth_of_the_memory_is_for_answers(
    store: RedisStore, any_server: RedisServer
) -> None:
    """Above 80 % of maxmemory a new request is refused by its own word; all else goes on."""
    asked, other = pending("a"), pending("b")
    await store.put(asked)
    await store.put(other)
    _fill(any_server, share=0.85)
    try:
        with pytest.raises(StoreUnavailable) as caught:
            await store.put(pending("c"), [requested(pending("c"))])
        assert ("put", "memory_reserve") == (caught.value.operation, caught.value.cause)
        assert await store.get("c") is None
        assert [] == list(await store.read(""))
        assert asked == await store.put(asked)
        assert await store.patch("a", 1, routed(asked)) is Patched.APPLIED
        answered = decided(routed(asked), approve=False)
        assert await store.patch("a", 2, answered, [resolved(asked)]) is Patched.APPLIED
        assert await store.patch("b", 1, decided(other)) is Patched.APPLIED
        await store.consume_once("b", consumption(other))
        await store.keep_card("b", "card", "C1")
    finally:
        _empty(any_server)


async def test_below_the_reserve_requests_are_taken(
    store: RedisStore, any_server: RedisServer
) -> None:
    """At 75 % nothing is refused, and when memory is free again neither."""
    _fill(any_server, share=0.75)
    try:
        await store.put(pending("a"))
        _fill(any_server, share=0.85)
        with pytest.raises(StoreUnavailable):
            await store.put(pending("b"))
    finally:
        _empty(any_server)
    await store.put(pending("b"))


async def test_a_full_server_refuses_and_approves_nothing() -> None:
    """Out of memory altogether: each write is refused by a typed error, and nothing is half done.

    See the fault matrix: never approved, never guessed.
    """
    async with redis_server("redis") as server, RedisStore(server.url) as store:
        asked = pending("a")
        await store.put(asked, [requested(asked)])
        _fill(server, share=1.2)
        for write in (
            store.put(pending("b")),
            store.patch("a", 1, decided(asked)),
            store.append([requested(asked)]),
        ):
            with pytest.raises(StoreUnavailable):
                await write
        assert asked == await store.get("a")
        assert [requested(asked)] == [logged.event for logged in await store.read("")]


async def test_an_agent_hears_of_the_reserve(shared_server: RedisServer) -> None:
    """`request` raises StoreUnavailable; the action does not run, and nothing was asked."""
    async with RedisStore(shared_server.url) as store:
        gate = ApprovalGate(store, agent="billing", public_keys=[])
        async with gate:
            _fill(shared_server, share=0.9)
            try:
                with pytest.raises(StoreUnavailable, match="memory_reserve"):
                    await gate.request(name="delete-user", payload={"user_id": 42})
            finally:
                _empty(shared_server)
        assert 0 == await store.pending_count()


async def test_a_user_who_may_not_ask_for_the_memory_can_still_request(
    shared_server: RedisServer,
) -> None:
    """Where the access list forbids INFO only the server's own limit counts."""
    shared_server.ask("ACL", "SETUSER", "blind", "on", ">pw", "~*", "&*", "+@all", "-info")
    async with RedisStore(shared_server.url.replace("redis://", "redis://blind:pw@")) as store:
        assert pending() == await store.put(pending())


async def test_the_minute_passes(store: RedisStore, any_server: RedisServer) -> None:
    """What was asked more than a minute ago makes room, by the server's clock."""
    await store.set_bounds(Bounds(per_minute=2))
    await store.put(pending("a"))
    await store.put(pending("b"))
    with pytest.raises(LimitExceeded):
        await store.put(pending("c"))
    lately = "signoff:{0}:lately:default/billing"
    now = int((await store.now()).timestamp() * 1_000_000)
    any_server.ask("LSET", lately, "-1", str(now - 59_000_000))
    with pytest.raises(LimitExceeded):
        await store.put(pending("c"))
    any_server.ask("LSET", lately, "-1", str(now - 61_000_000))
    await store.put(pending("c"))
    assert b":2\r\n" == any_server.ask("LLEN", lately)
    assert 0 < int(any_server.ask("PTTL", lately)[1:]) <= 60_000


async def test_a_clock_set_back_shuts_nobody_out(
    store: RedisStore, any_server: RedisServer
) -> None:
    """Requests that seem to come from the future do not count."""
    await store.set_bounds(Bounds(per_minute=1))
    await store.put(pending("a"))
    ahead = int((await store.now()).timestamp() * 1_000_000) + 3_600_000_000
    any_server.ask("LSET", "signoff:{0}:lately:default/billing", "0", str(ahead))
    await store.put(pending("b"))


@pytest.mark.parametrize("junk", ["", "x", "0", "-5", "inf", "nan", "1e300", "2.5", "9" * 40])
async def test_junk_is_no_bound(redis_store: RedisStore, shared_server: RedisServer, junk: str):
    """Whatever somebody wrote there: the bound counts as not set, and nothing stops."""
    for field in ("pending", "minute", "retention"):
        shared_server.ask("HSET", "signoff:{0}:bounds", field, junk)
    assert Bounds() == await redis_store.bounds()
    asked = pending()
    await redis_store.put(asked)
    assert await redis_store.patch(asked.key, 1, decided(asked)) is Patched.APPLIED
    assert 0 == await redis_store.forget()


async def test_what_came_past_put_is_counted_from_its_first_change(
    redis_store: RedisStore, shared_server: RedisServer
) -> None:
    """A request that was written into Redis by hand counts when it is routed."""
    sample = pending("by-hand")
    await redis_store.put(sample)
    for index in ("pending", "deadlines"):
        shared_server.ask("ZREM", f"signoff:{{0}}:{index}", "by-hand")
    shared_server.ask("DEL", "signoff:{0}:asking:default/billing")
    assert 1 == await redis_store.place_of(pending("other"))
    await redis_store.patch("by-hand", 1, routed(sample))
    assert 2 == await redis_store.place_of(pending("other"))


@pytest.mark.parametrize("junk", ["", "x", "-5"])
async def test_junk_is_no_count(redis_store: RedisStore, shared_server: RedisServer, junk: str):
    """Whatever somebody wrote there: requests are taken and answered, and the count comes right."""
    asking = "signoff:{0}:asking:default/billing"
    shared_server.ask("SET", asking, junk)
    for name in "ab":
        await redis_store.place_of(pending(name))
        await redis_store.put(pending(name))
    for name in "ab":
        assert await redis_store.patch(name, 1, decided(pending(name))) is Patched.APPLIED
    await redis_store.put(pending("c"))
    assert 2 == await redis_store.place_of(pending("d"))


async def test_no_more_have_a_place_than_may_be_pending(redis_store: RedisStore) -> None:
    """Others' older ones push nobody behind all of its agent's, and lend nobody a better place."""
    for number in range(12):
        created = START + timedelta(seconds=number)
        agent = "billing" if number % 3 else "mailing"
        await redis_store.put(pending(f"id-{number}", agent=agent, created_at=created))
    billing = [pending(f"id-{number}") for number in range(12) if number % 3]
    places = [await redis_store.place_of(asked) for asked in billing]
    assert places == sorted(places)
    assert all(own <= place <= 8 for own, place in enumerate(places, 1))


async def test_a_count_goes_with_what_is_counted(
    redis_store: RedisStore, shared_server: RedisServer
) -> None:
    """An agent that has nothing pending leaves no key behind but that of its last minute."""
    await redis_store.put(pending("a"))
    await redis_store.patch("a", 1, decided(pending("a")))
    assert b":0\r\n" == shared_server.ask("EXISTS", "signoff:{0}:asking:default/billing")


async def test_what_the_first_layout_counted_is_counted_on(any_server: RedisServer) -> None:
    """There the agent's keys themselves were kept: as many as there were count from the start."""
    asking = "signoff:{0}:asking:default/billing"
    async with RedisStore(any_server.url) as store:
        for name in "abc":
            await store.put(pending(name))
        await store.put(pending("m", agent="mailing"))
    any_server.ask("DEL", asking)
    any_server.ask("ZADD", asking, "1", "a", "2", "b", "3", "c")
    any_server.ask("HSET", META, "schema", "1")
    for _ in range(2):
        async with RedisStore(any_server.url) as store:
            assert 4 == await store.place_of(pending("d"))
            assert 2 == await store.place_of(pending("d", agent="mailing"))
    async with RedisStore(any_server.url) as store:
        await store.set_bounds(Bounds(pending=3))
        with pytest.raises(LimitExceeded):
            await store.put(pending("d"))
        await store.patch("a", 1, decided(pending("a")))
        await store.put(pending("d"))
    assert b"3" in any_server.ask("GET", asking)
    assert b"$1\r\n2\r\n" == any_server.ask("HGET", META, "schema")


async def _end(store: RedisStore, name: str) -> None:
    asked = pending(name)
    await store.put(asked)
    await store.patch(name, 1, decided(asked))
    await store.keep_card(name, "card", "C1")


def _ended_ago(server: RedisServer, name: str, seconds: int) -> None:
    now = int(server.ask("TIME").split(b"\r\n")[2])
    server.ask("ZADD", "signoff:{0}:ended", str(now - seconds), name)


async def test_what_was_kept_long_enough_is_forgotten_whole(
    store: RedisStore, any_server: RedisServer
) -> None:
    """Request, state, consumption and notes go together; what is younger and its events stay."""
    await store.set_bounds(Bounds(retention=3 * 86400.0))
    for name in ("old", "young"):
        await _end(store, name)
        await store.consume_once(name, consumption(pending(name)), [requested(pending(name))])
    _ended_ago(any_server, "old", 3 * 86400 + 1)
    _ended_ago(any_server, "young", 3 * 86400 - 10)
    assert 1 == await store.forget()
    assert await store.get("old") is None
    assert {} == await store.cards("old")
    assert b":0\r\n" == any_server.ask("EXISTS", *(
        f"signoff:{{0}}:{part}:old" for part in ("request", "state", "use", "card")
    ))  # fmt: skip
    young = await store.get("young")
    assert young is not None
    assert young.consumption is not None
    assert 2 == len(await store.read(""))
    # The id is free again, and what it stood for is not.
    fresh = pending("old", created_at=START)
    assert fresh == await store.put(fresh)


async def test_a_late_consumption_is_kept_as_long(
    redis_store: RedisStore, shared_server: RedisServer
) -> None:
    """The retention begins anew with the consumption, also between looking and forgetting."""
    await _end(redis_store, "a")
    _ended_ago(shared_server, "a", 200 * 86400)
    await redis_store.consume_once("a", consumption(pending("a")))
    assert 0 == await redis_store.forget()
    keys = [f"signoff:{{0}}:{part}:a" for part in ("request", "state", "use", "card")]
    retention = str(90 * 86400)
    assert b":0\r\n" == shared_server.ask(
        "EVAL", script("forget").text, "5", *keys, "signoff:{0}:ended", "a", retention
    ), "whoever looked before it was consumed"
    stored = await redis_store.get("a")
    assert stored is not None
    assert stored.consumption is not None


async def test_no_key_of_a_record_has_an_expiry(
    redis_store: RedisStore, shared_server: RedisServer
) -> None:
    """A server that evicts what may expire must not take a consumption from its approval."""
    await _end(redis_store, "a")
    await redis_store.consume_once("a", consumption(pending("a")))
    for part in ("request", "state", "use", "card"):
        assert b":-1\r\n" == shared_server.ask("PTTL", f"signoff:{{0}}:{part}:a")
