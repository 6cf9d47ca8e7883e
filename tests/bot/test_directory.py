"""The directory's cache: as old as the question, a minute at most, and never a failure."""

from __future__ import annotations

import asyncio

import pytest

from bot.directory import CACHE_SECONDS, CachedDirectory, LookupFailed, Person


class Ticks:
    """A timer that a test moves."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


class Chat:
    """A directory that counts questions and can be away or slow."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.away = False
        self.live = True
        self.groups = {"S0A": frozenset({"U0ANA"}), "S0B": frozenset({"U0BEN"})}
        self.hold: asyncio.Event | None = None

    async def person(self, team: str, user: str) -> Person:
        self.asked.append(f"{team}/{user}")
        if self.hold is not None:
            await self.hold.wait()
        if self.away:
            raise LookupFailed("ratelimited")
        return Person(
            team=team, id=user, name="x", live=self.live, human=True, member=True, guest=False
        )

    async def members(self, group: str) -> frozenset[str]:
        self.asked.append(group)
        if self.away:
            raise LookupFailed("ratelimited")
        return self.groups[group]


@pytest.fixture
def chat() -> Chat:
    return Chat()


@pytest.fixture
def ticks() -> Ticks:
    return Ticks()


@pytest.fixture
def directory(chat: Chat, ticks: Ticks) -> CachedDirectory:
    return CachedDirectory(chat, now=ticks)


async def test_the_same_is_asked_once_a_minute(
    directory: CachedDirectory, chat: Chat, ticks: Ticks
):
    """Within 60 s the answer stands; from then on it is asked for again."""
    assert (await directory.person("T1", "U0ANA")).live
    chat.live = False
    ticks.now += CACHE_SECONDS - 0.001
    assert (await directory.person("T1", "U0ANA")).live
    ticks.now += 0.001
    assert not (await directory.person("T1", "U0ANA")).live
    assert ["T1/U0ANA", "T1/U0ANA"] == chat.asked


async def test_a_person_of_another_team_is_another_person(directory: CachedDirectory, chat: Chat):
    """The team is part of who somebody is."""
    await directory.person("T1", "U0ANA")
    await directory.person("T2", "U0ANA")
    assert ["T1/U0ANA", "T2/U0ANA"] == chat.asked


async def test_failures_are_not_kept(directory: CachedDirectory, chat: Chat):
    """What could not be looked up is asked for again at the next click."""
    chat.away = True
    with pytest.raises(LookupFailed):
        await directory.person("T1", "U0ANA")
    with pytest.raises(LookupFailed):
        await directory.members("S0A")
    chat.away = False
    assert (await directory.person("T1", "U0ANA")).may_answer
    assert frozenset({"U0ANA"}) == await directory.members("S0A")


async def test_an_old_answer_does_not_serve_where_asking_fails(
    directory: CachedDirectory, chat: Chat, ticks: Ticks
):
    """After a minute a failed lookup is a failure, not yesterday's answer."""
    await directory.person("T1", "U0ANA")
    ticks.now += CACHE_SECONDS
    chat.away = True
    with pytest.raises(LookupFailed):
        await directory.person("T1", "U0ANA")


async def test_an_answer_is_as_old_as_its_question(
    directory: CachedDirectory, chat: Chat, ticks: Ticks
):
    """A slow answer does not count as fresh when it comes."""
    chat.hold = asyncio.Event()
    asking = asyncio.create_task(directory.person("T1", "U0ANA"))
    await asyncio.sleep(0)
    ticks.now += CACHE_SECONDS
    chat.hold.set()
    await asking
    await directory.person("T1", "U0ANA")
    assert 2 == len(chat.asked)


async def test_groups_of_a_person(directory: CachedDirectory, chat: Chat):
    """Only the groups that were asked about are looked into, and only once."""
    assert ("S0A",) == await directory.groups_of("U0ANA", ["S0A", "S0B"])
    assert () == await directory.groups_of("U0DAN", ["S0A", "S0B"])
    assert () == await directory.groups_of("U0ANA", [])
    assert ["S0A", "S0B"] == chat.asked


async def test_the_cache_is_bounded(chat: Chat, ticks: Ticks):
    """Many strangers cannot fill the memory: what is known is dropped and asked for again."""
    directory = CachedDirectory(chat, now=ticks)
    for number in range(10_001):
        await directory.person("T1", f"U{number}")
    await directory.person("T1", "U0")
    assert 10_002 == len(chat.asked)


FINE = {"live": True, "human": True, "member": True, "guest": False}


@pytest.mark.parametrize("flag", FINE)
def test_only_live_human_members_may_answer(flag: str):
    """Each of the four alone keeps somebody out."""
    assert Person(team="T1", id="U1", name="x", **FINE).may_answer
    assert not Person(team="T1", id="U1", name="x", **FINE | {flag: not FINE[flag]}).may_answer


@pytest.mark.parametrize(
    ("changes", "teams", "may"),
    [
        ({}, (), True),
        ({}, ("T1",), True),
        ({"member": False}, ("T1",), True),
        ({"member": False}, ("T2",), False),
        ({"member": False}, (), False),
        ({"guest": True}, (), False),
        ({"guest": True}, ("T1",), False),
        ({"member": False, "guest": True}, ("T1",), False),
        ({"member": False, "live": False}, ("T1",), False),
        ({"member": False, "human": False}, ("T1",), False),
    ],
)
def test_who_may_answer_where_other_teams_may(
    changes: dict[str, bool], teams: tuple[str, ...], may: bool
):
    """A route's teams let their people in; guests, the gone and programs stay out, wherever."""
    person = Person(team="T1", id="U1", name="x", teams=frozenset({"T1"}), **FINE | changes)
    assert may is person.may_answer_in(teams)


async def test_names_of_those_who_are_known(directory: CachedDirectory, chat: Chat):
    """A name is given for who was looked up before; nobody is looked up for it."""
    principals = ("slack:T1:UANA", "slack:T1:UBEN", "slack:T1:SFIN", "cli:ana", "", "x:")
    assert {} == directory.names(principals)
    await directory.person("T1", "UANA")
    assert {"slack:T1:UANA": "x"} == directory.names(principals)
    assert ["T1/UANA"] == chat.asked
