"""Owns the checks of those who may answer: are they there, are they people, are they enough."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Sequence
from typing import Final

from ..directory import CachedDirectory, Directory, LookupFailed, Person
from ..routing import RouteRule
from .findings import Finding, fail, ok, warn
from .slack_checks import AT_ONCE, FIRST, plainly, unchecked
from .workplace import Workplace

__all__ = ["Crowd", "approvers", "groups", "quorum"]

_MEMBERS: Final = 50
"""People of one group who are looked at: one who may answer is enough, and Slack counts calls."""
_OFF: Final = "take them off the route, or name somebody else"


class Crowd:
    """Everybody whom the routes name, each looked up once.

    Args:
        place: Where they are looked up.
        rules: The routes.
        now: Seconds that never run backwards.
    """

    def __init__(
        self, place: Workplace, rules: Sequence[RouteRule], *, now: Callable[[], float]
    ) -> None:
        self.rules = rules
        self._place = place
        self._now = now
        self._gap = asyncio.Semaphore(AT_ONCE)
        self._opening = asyncio.Lock()
        self._directory: tuple[Directory, str] | None = None

    @property
    def people(self) -> list[str]:
        """The user ids in the routes, each once."""
        return [who for who in self._named() if who[0] in "UW"]

    @property
    def groups(self) -> list[str]:
        """The user group ids in the routes, each once."""
        return [who for who in self._named() if who[0] == "S"]

    async def person(self, user: str) -> Person:
        """Return the person; raise `LookupFailed` with Slack's word."""
        directory, team = await self._open()
        async with self._gap:
            return await directory.person(team, user)

    async def members(self, group: str) -> frozenset[str]:
        """Return who is in a group; raise `LookupFailed` with Slack's word."""
        directory, _ = await self._open()
        async with self._gap:
            return await directory.members(group)

    def _named(self) -> list[str]:
        every = (who for rule in self.rules for who in rule.approvers)
        return [who for who in dict.fromkeys(every) if not who.startswith("cli:")]

    async def _open(self) -> tuple[Directory, str]:
        # The lock only makes the three checks share one look at the token.
        async with self._opening:
            if self._directory is None:
                directory = CachedDirectory(await self._place.directory(), now=self._now)
                self._directory = directory, (await self._place.identity()).team
            return self._directory


async def approvers(crowd: Crowd) -> Sequence[Finding]:
    """Say of each person whom a route names whether their answer can count."""
    check = "approvers"

    async def look(user: str) -> Finding | None:
        try:
            trouble = _trouble(await crowd.person(user))
        except LookupFailed as error:
            if unchecked(error.reason):
                return warn(check, f"{user} could not be checked: {plainly(error.reason)}", FIRST)
            trouble = plainly(error.reason)
        return None if trouble is None else warn(check, f"{user}: {trouble}", _OFF)

    found = await asyncio.gather(*(look(user) for user in crowd.people))
    troubles = [finding for finding in found if finding]
    named = f"{len(crowd.people)} named in the routes, all can answer"
    return troubles or [ok(check, named if crowd.people else "none is named in the routes")]


async def groups(crowd: Crowd) -> Sequence[Finding]:
    """Say of each user group whether there is anybody in it."""
    check = "groups"

    async def look(group: str) -> Finding | None:
        try:
            members = await crowd.members(group)
        except LookupFailed as error:
            if unchecked(error.reason):
                return warn(check, f"{group} could not be checked: {plainly(error.reason)}", FIRST)
            return warn(check, f"{group}: {plainly(error.reason)}", "mend the route's approvers")
        if not members:
            return warn(check, f"nobody is in {group}", "put people into the group")
        return None

    found = await asyncio.gather(*(look(group) for group in crowd.groups))
    troubles = [finding for finding in found if finding]
    named = f"{len(crowd.groups)} named in the routes, none is empty"
    return troubles or [ok(check, named if crowd.groups else "none is named in the routes")]


async def quorum(crowd: Crowd) -> Sequence[Finding]:
    """Say of each route whether enough people can answer, so that anything can be approved."""
    check = "quorum"
    findings: list[Finding] = []
    for number, rule in enumerate(crowd.rules, start=1):
        for of, needed in _demands(rule):
            able, unknown = await _able(crowd, of, needed=needed)
            if able >= needed:
                continue
            found = f"route {number} ({rule.channel}) needs {needed}, and {able} can answer"
            if unknown:
                findings.append(warn(check, f"{found}; {unknown} could not be checked", FIRST))
            else:
                advice = "name people who can: until then every request runs out unanswered"
                findings.append(fail(check, found, advice))
    return findings or [ok(check, "every route has enough people who can answer")]


def _demands(rule: RouteRule) -> Iterator[tuple[tuple[str, ...], int]]:
    """Give whom a route asks, and how many of them must answer."""
    yield rule.approvers, 1


async def _able(crowd: Crowd, of: Sequence[str], *, needed: int) -> tuple[int, int]:
    """Return how many of *of* can answer, counted up to *needed*, and how many nobody knows of."""
    able = {who for who in of if who.startswith("cli:")}
    unknown: set[str] = set()
    people = [who for who in of if who[0] in "UW"]
    for group in (who for who in of if who[0] == "S"):
        try:
            people += sorted(await crowd.members(group))[:_MEMBERS]
        except LookupFailed as error:
            if unchecked(error.reason):
                unknown.add(group)
    for user in dict.fromkeys(people):
        if len(able) >= needed:
            break
        try:
            if (await crowd.person(user)).may_answer:
                able.add(user)
        except LookupFailed as error:
            if unchecked(error.reason):
                unknown.add(user)
    return len(able), len(unknown)


def _trouble(person: Person) -> str | None:
    """Return why this person's answer cannot count, or `None`."""
    if not person.live:
        return "deactivated, or invited and never came"
    if not person.human:
        return "a bot, not a person"
    if person.guest or not person.member:
        return "a guest, or of another organisation"
    return None
