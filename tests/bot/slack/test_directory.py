"""Slack's directory: who somebody is, where every missing word counts against them."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from typing import Any

import pytest

from bot.directory import LookupFailed
from bot.slack.directory import SlackDirectory
from tests.bot.slack.edge import Edge, client_of, slack_edge
from tests.support.emitted import Sandbox

HOME = "T0SANDBOX"
ANA: dict[str, Any] = {
    "id": "U1",
    "team_id": HOME,
    "deleted": False,
    "is_bot": False,
    "name": "ana",
    "profile": {"display_name": "Ana"},
}


@pytest.fixture
async def edge() -> AsyncIterator[Edge]:
    async with slack_edge() as running:
        yield running


@pytest.fixture
async def directory(edge: Edge) -> AsyncIterator[SlackDirectory]:
    async with client_of(edge.url) as client:
        yield SlackDirectory(client, team=HOME)


def knows(edge: Edge, **changes: Any) -> None:
    user = {name: value for name, value in (ANA | changes).items() if value is not ...}
    edge.body = json.dumps({"ok": True, "user": user}).encode()


async def test_a_live_member(edge: Edge, directory: SlackDirectory):
    """A plain member of the home workspace may answer."""
    knows(edge)
    found = await directory.person(HOME, "U1")
    assert found.may_answer
    assert ("U1", HOME, "Ana") == (found.id, found.team, found.name)
    assert [("users.info", {"user": "U1"})] == edge.calls


@pytest.mark.parametrize(
    "changes",
    [
        {"deleted": True},
        {"deleted": None},
        {"is_invited_user": True},
        {"is_bot": True},
        {"is_workflow_bot": True},
        {"is_restricted": True},
        {"is_ultra_restricted": True},
        {"is_stranger": True},
        {"team_id": "T0OTHER"},
        {"team_id": "E0GRID"},
    ],
)
async def test_who_may_not_answer(edge: Edge, directory: SlackDirectory, changes: dict[str, Any]):
    """Gone, invited, bots, guests, strangers, other workspaces; and what Slack leaves open."""
    knows(edge, **changes)
    assert not (await directory.person(HOME, "U1")).may_answer


async def test_who_is_not_said_to_be_gone(edge: Edge, directory: SlackDirectory):
    """Of people who are there Slack may leave `deleted` out."""
    knows(edge, deleted=...)
    assert (await directory.person(HOME, "U1")).may_answer


@pytest.mark.parametrize("field", ["team_id", "is_bot"])
async def test_what_slack_always_says(edge: Edge, directory: SlackDirectory, field: str):
    """Without it there is no check, and the word says what was missing."""
    knows(edge, **{field: ...})
    with pytest.raises(LookupFailed) as caught:
        await directory.person(HOME, "U1")
    assert f"no_{field}" == caught.value.reason


async def test_a_click_from_another_workspace(edge: Edge, directory: SlackDirectory):
    """The team of the click has to be the home workspace too."""
    knows(edge)
    assert not (await directory.person("T0OTHER", "U1")).may_answer


@pytest.mark.parametrize(
    ("changes", "clicked_from", "teams"),
    [
        ({}, HOME, {HOME}),
        ({"team_id": "T0OTHER", "is_stranger": True}, "T0OTHER", {"T0OTHER"}),
        ({"team_id": "T0OTHER", "is_stranger": True}, HOME, set()),
        ({}, "T0OTHER", set()),
        (
            {"team_id": "T0OTHER", "enterprise_user": {"enterprise_id": "E0GRID"}},
            "T0OTHER",
            {"T0OTHER", "E0GRID"},
        ),
        ({"enterprise_user": {"enterprise_id": "E0GRID"}}, "T0OTHER", set()),
    ],
)
async def test_the_team_of_a_person_is_what_both_say(
    edge: Edge,
    directory: SlackDirectory,
    changes: dict[str, Any],
    clicked_from: str,
    teams: set[str],
):
    """Slack's record and the signed click must agree; otherwise the team is not known."""
    knows(edge, **changes)
    person = await directory.person(clicked_from, "U1")
    assert teams == person.teams
    assert person.may_answer_in(["T0OTHER"]) is (person.may_answer or "T0OTHER" in teams)
    assert person.may_answer_in([]) is person.may_answer


@pytest.mark.parametrize("flag", ["is_restricted", "is_ultra_restricted"])
@pytest.mark.parametrize("home", [HOME, "T0OTHER"])
async def test_a_guest_is_one_wherever_they_are(
    edge: Edge, directory: SlackDirectory, flag: str, home: str
):
    """A route that admits a whole team does not admit the guests in it."""
    knows(edge, team_id=home, **{flag: True})
    person = await directory.person(home, "U1")
    assert {home} == person.teams
    assert not person.may_answer_in([home])


@pytest.mark.parametrize(
    "body",
    [
        b'{"ok":true}',
        b'{"ok":true,"user":null}',
        b'{"ok":true,"user":"U1"}',
        b'{"ok":true,"user":{"id":"U2"}}',
        b'{"ok":false,"error":"user_not_found"}',
        b"{broken",
        b"[]",
        b"\xff",
    ],
)
async def test_what_cannot_be_read_is_a_failure(edge: Edge, directory: SlackDirectory, body: bytes):
    """An answer about nobody, or about somebody else, is no answer."""
    edge.body = body
    with pytest.raises(LookupFailed):
        await directory.person(HOME, "U1")
    with pytest.raises(LookupFailed):
        await directory.members("S1")


@pytest.mark.parametrize("status", [429, 500, 503])
async def test_a_slack_that_is_away_is_a_failure(
    edge: Edge, directory: SlackDirectory, status: int
):
    """What cannot be looked up is not made up, and asked only once."""
    edge.status, edge.body = status, b""
    with pytest.raises(LookupFailed):
        await directory.person(HOME, "U1")
    assert 1 == len(edge.calls)


async def test_members_of_a_group(edge: Edge, directory: SlackDirectory):
    """A group's members are whom Slack names."""
    edge.body = b'{"ok":true,"users":["U1","U2"]}'
    assert frozenset({"U1", "U2"}) == await directory.members("S1")
    assert [("usergroups.users.list", {"usergroup": "S1"})] == edge.calls


async def test_the_people_of_the_sandbox():
    """Against the local Slack: members may answer; guests, the gone, strangers and bots not."""
    async with Sandbox() as slack, client_of(slack.api_url) as client:
        directory = SlackDirectory(client, team=HOME)
        for user, may in (
            ("U0ANA", True),
            ("U0DAN", True),
            ("U0GUEST", False),
            ("U0GONE", False),
            ("U0EXT", False),
            ("U0SIGNOFF", False),
        ):
            assert (user, may) == (user, (await directory.person(HOME, user)).may_answer)
        assert frozenset({"U0ANA", "U0BEN"}) == await directory.members("S0OWNERS")
        with pytest.raises(LookupFailed, match="no_such_subteam"):
            await directory.members("S0NONE")
