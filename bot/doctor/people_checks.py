"""Owns the checks of those who may answer: are they there, are they people, are they enough."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Iterator, Sequence
from typing import Final

from ..directory import CachedDirectory, Directory, LookupFailed, Person
from ..routing import RouteRule
from .findings import Finding, fail, ok, warn
from .slack_checks import AT_ONCE, FIRST, MISSING, plainly, unchecked
from .workplace import Workplace

__all__ = ["Crowd", "approvers", "groups", "quorum"]

_MEMBERS: Final = 50
"""People of one group who are looked at: one who may answer is enough, and Slack counts calls."""
_NOBODY: Final = "without it nobody's answer counts: point SLACK_API_URL at one that has it"
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
    def people(self) -> list[tuple[str, tuple[str, ...]]]:
        """Who is named in routes and their ladders, with the route's other workspaces, each once.

        A person of another workspace is written `T…:U…`.
        """
        return [(who, teams) for who, teams in self._named() if is_person(who)]

    @property
    def groups(self) -> list[str]:
        """The user group ids in the routes and their ladders, each once."""
        return list(dict.fromkeys(who for who, _ in self._named() if is_group(who)))

    async def person(self, who: str) -> Person:
        """Return the person; raise `LookupFailed` with Slack's word."""
        directory, home = await self._open()
        team, _, user = who.rpartition(":")
        async with self._gap:
            return await directory.person(team or home, user)

    async def members(self, group: str) -> frozenset[str]:
        """Return who is in a group; raise `LookupFailed` with Slack's word."""
        directory, _ = await self._open()
        async with self._gap:
            return await directory.members(group.rpartition(":")[2])

    def _named(self) -> list[tuple[str, tuple[str, ...]]]:
        every = (
            (who, rule.teams)
            for rule in self.rules
            for circle in (*(d.of for d in rule.demands), *(s.also for s in rule.ladder))
            for who in circle
        )
        return list(dict.fromkeys(every))

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

    async def look(user: str, teams: Collection[str]) -> Finding | None:
        try:
            trouble = _trouble(await crowd.person(user), teams)
        except LookupFailed as error:
            if error.reason == MISSING:
                return warn(check, f"{user}: {plainly(MISSING)} (users.info)", _NOBODY)
            if unchecked(error.reason):
                return warn(check, f"{user} could not be checked: {plainly(error.reason)}", FIRST)
            trouble = plainly(error.reason)
        return None if trouble is None else warn(check, f"{user}: {trouble}", _OFF)

    people = crowd.people
    found = await asyncio.gather(*(look(user, teams) for user, teams in people))
    troubles = list(dict.fromkeys(finding for finding in found if finding))
    named = f"{len({user for user, _ in people})} named in the routes, all can answer"
    return troubles or [ok(check, named if people else "none is named in the routes")]


async def groups(crowd: Crowd) -> Sequence[Finding]:
    """Say of each user group whether there is anybody in it."""
    check = "groups"

    async def look(group: str) -> Finding | None:
        try:
            members = await crowd.members(group)
        except LookupFailed as error:
            if unchecked(error.reason):
                return warn(check, f"{group} could not be checked: {plainly(error.reason)}", FIRST)
            if error.reason == MISSING:
                found = f"{group}: {plainly(MISSING)} (usergroups.users.list)"
                return warn(check, found, "name people in its place: no group's answer counts here")
            return warn(check, f"{group}: {plainly(error.reason)}", "mend the route's approvers")
        if not members:
            return warn(check, f"nobody is in {group}", "put people into the group")
        return None

    found = await asyncio.gather(*(look(group) for group in crowd.groups))
    troubles = [finding for finding in found if finding]
    named = f"{len(crowd.groups)} named in the routes, none is empty"
    return troubles or [ok(check, named if crowd.groups else "none is named in the routes")]


async def quorum(crowd: Crowd) -> Sequence[Finding]:
    """Say of each route whether enough people can answer, so that anything can be approved.

    Its ladder may call more people later; that is no reason to begin with too few.
    """
    check = "quorum"
    findings: list[Finding] = []
    for number, rule in enumerate(crowd.rules, start=1):
        for of, needed, what in _demands(rule):
            able, unknown = await _able(crowd, of, needed=needed, teams=rule.teams)
            if able >= needed:
                continue
            found = f"route {number} ({rule.channel}) needs {needed}{what}, and {able} can answer"
            if unknown:
                findings.append(warn(check, f"{found}; {unknown} could not be checked", FIRST))
            else:
                advice = "name people who can: until then every request runs out unanswered"
                findings.append(fail(check, found, advice))
    return findings or [ok(check, "every route has enough people who can answer")]


def is_person(who: str) -> bool:
    """Say whether an entry of a route is a person in Slack: `U…`, or `T…:U…` of elsewhere."""
    return not who.startswith("cli:") and who.rpartition(":")[2][0] in "UW"


def is_group(who: str) -> bool:
    """Say whether an entry of a route is a user group."""
    return not who.startswith("cli:") and who.rpartition(":")[2][0] == "S"


def _demands(rule: RouteRule) -> Iterator[tuple[tuple[str, ...], int, str]]:
    """Give whom a route asks, how many of them must answer, and what they are called."""
    if not rule.quorums:
        yield rule.approvers, rule.needed, ""
        return
    for demand in rule.quorums:
        yield demand.of, demand.needed, f" of {demand.name}"
    if len(rule.quorums) > 1:
        # Who is in two circles counts for one of them.
        together = tuple(dict.fromkeys(who for demand in rule.quorums for who in demand.of))
        yield together, sum(demand.needed for demand in rule.quorums), " people in all"


async def _able(
    crowd: Crowd, of: Sequence[str], *, needed: int, teams: Collection[str]
) -> tuple[int, int]:
    """Return how many of *of* can answer, counted up to *needed*, and how many nobody knows of."""
    able = {who for who in of if who.startswith("cli:")}
    unknown: set[str] = set()
    people = [who for who in of if is_person(who)]
    for group in (who for who in of if is_group(who)):
        try:
            people += sorted(await crowd.members(group))[:_MEMBERS]
        except LookupFailed as error:
            if unchecked(error.reason):
                unknown.add(group)
    for who in dict.fromkeys(people):
        if len(able) >= needed:
            break
        try:
            if _trouble(await crowd.person(who), teams) is None:
                able.add(who.rpartition(":")[2])
        except LookupFailed as error:
            if unchecked(error.reason):
                unknown.add(who)
    return len(able), len(unknown)


def _trouble(person: Person, teams: Collection[str]) -> str | None:
    """Return why this person's answer cannot count where people of *teams* may answer."""
    if person.may_answer_in(teams):
        return None
    if not person.live:
        return "deactivated, or invited and never came"
    if not person.human:
        return "a bot, not a person"
    return "a guest, or of another organisation"
