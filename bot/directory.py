"""Owns what is known about people right now: who is a live human, and who is in which group.

A principal is who the transport proved; this says whether that person may be counted. What cannot
be checked is refused by raising `LookupFailed`.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Final, Protocol, TypeVar

__all__ = ["CachedDirectory", "Directory", "LookupFailed", "Names", "Person"]

CACHE_SECONDS: Final = 60.0
_CACHE_ENTRIES: Final = 10_000

K = TypeVar("K")
T = TypeVar("T")


class LookupFailed(Exception):
    """A person or a group could not be looked up; `reason` is the chat's own word."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


@dataclass(frozen=True)
class Person:
    """A person as the chat knows them; names are for display only."""

    team: str
    id: str
    name: str
    live: bool
    """Not deactivated, and invited people have come."""
    human: bool
    member: bool
    """Of the workspace that the bot is in."""
    guest: bool
    """Invited to some channels only, in whichever workspace; nobody's answer anywhere."""
    teams: frozenset[str] = frozenset()
    """The workspace and the organisation that both the chat and the transport say they are of."""

    @property
    def may_answer(self) -> bool:
        """Whether this is someone whose answer can count wherever they are asked."""
        return self.live and self.human and self.member and not self.guest

    def may_answer_in(self, teams: Collection[str]) -> bool:
        """Say whether this is someone whose answer can count where people of *teams* may answer."""
        if self.guest:
            return False
        return self.may_answer or (self.live and self.human and not self.teams.isdisjoint(teams))


class Names(dict[str, str]):
    """Display names by principal, for surfaces on which a mention notifies nobody.

    Args:
        names: Those that are known.
        home: The workspace of the bot, whose people the chat itself can name by their ids; `None`
            where nobody is to be mentioned.
    """

    def __init__(self, names: Mapping[str, str], *, home: str | None) -> None:
        super().__init__(names)
        self.home = home


class Directory(Protocol):
    """Looks people up. Both raise `LookupFailed` when the chat gives no answer."""

    async def person(self, team: str, user: str) -> Person:
        """Return the person, as the chat knows them now."""
        ...

    async def members(self, group: str) -> frozenset[str]:
        """Return the user ids in a user group, as the chat knows them now."""
        ...


class CachedDirectory:
    """A directory that asks another one at most once a minute for the same.

    Args:
        inner: The directory to ask.
        now: Seconds that never run backwards.
        home: The workspace that the bot is installed in; see `Names`.
    """

    def __init__(
        self, inner: Directory, *, now: Callable[[], float], home: str | None = None
    ) -> None:
        self._inner = inner
        self._home = home
        self._now = now
        self._people: dict[tuple[str, str], tuple[float, Person]] = {}
        self._groups: dict[str, tuple[float, frozenset[str]]] = {}

    async def person(self, team: str, user: str, *, anew: bool = False) -> Person:
        """Return the person as known within the last minute, or *anew* as known now."""
        return await self._fresh(
            self._people, (team, user), lambda: self._inner.person(team, user), anew=anew
        )

    async def members(self, group: str, *, anew: bool = False) -> frozenset[str]:
        """Return the group's user ids as known within the last minute, or *anew* as known now."""
        return await self._fresh(self._groups, group, lambda: self._inner.members(group), anew=anew)

    def names(self, principals: Iterable[str]) -> Names:
        """Return principal → display name, for those who were looked up lately; asks nobody."""
        found = {}
        for principal in principals:
            _, _, who = principal.partition(":")
            team, _, user = who.partition(":")
            known = self._people.get((team, user))
            if known is not None:
                found[principal] = known[1].name
        return Names(found, home=self._home)

    async def groups_of(
        self, user: str, groups: Iterable[str], *, anew: bool = False
    ) -> tuple[str, ...]:
        """Return those of *groups* that *user* is in, as known within a minute, or *anew*."""
        return tuple([group for group in groups if user in await self.members(group, anew=anew)])

    async def _fresh(
        self,
        cache: dict[K, tuple[float, T]],
        key: K,
        ask: Callable[[], Awaitable[T]],
        *,
        anew: bool,
    ) -> T:
        known = None if anew else cache.get(key)
        if known is not None and self._now() - known[0] < CACHE_SECONDS:
            return known[1]
        # Stamped before asking: an answer is as old as its question.
        asked = self._now()
        found = await ask()
        if len(cache) >= _CACHE_ENTRIES:
            cache.clear()
        cache[key] = (asked, found)
        return found
