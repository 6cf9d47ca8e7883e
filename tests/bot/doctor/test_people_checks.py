"""Those who may answer: there, human, of the workspace, and enough of them."""

from __future__ import annotations

import pytest

from bot.routing import Demand, RouteRule, Step
from bot.sandbox import SandboxClient
from tests.bot.doctor.examined import CHANNEL, Examined


def route(*approvers: str) -> RouteRule:
    return RouteRule(channel=CHANNEL, approvers=approvers)


NOBODY = "route 1 (C0APPROVALS) needs 1, and 0 can answer"


@pytest.mark.parametrize(
    ("who", "sentence"),
    [
        ("U0GONE", "U0GONE: deactivated, or invited and never came"),
        ("U0GUEST", "U0GUEST: a guest, or of another organisation"),
        ("U0EXT", "U0EXT: a guest, or of another organisation"),
        ("U0SIGNOFF", "U0SIGNOFF: a bot, not a person"),
        ("U0NOBODY", "U0NOBODY: Slack knows no such person"),
    ],
)
async def test_an_approver_who_cannot_answer(well: Examined, who: str, sentence: str):
    """Beside others it is a warning; alone, nothing could ever be approved."""
    beside = well.with_routes(route(who, "U0ANA"))
    assert [("approvers", "warn", sentence)] == await beside.of("approvers")
    assert "ok" == (await beside.of("quorum"))[0][1]
    alone = well.with_routes(route(who))
    assert [("quorum", "fail", NOBODY)] == await alone.of("quorum")


async def test_an_invited_person_who_never_came(well: Examined):
    """An invitation is nobody yet."""
    well.slack.world.users["U0ANA"].is_invited_user = True
    assert [
        ("approvers", "warn", "U0ANA: deactivated, or invited and never came")
    ] == await well.with_routes(route("U0ANA", "U0BEN")).of("approvers")


async def test_an_empty_group(well: Examined):
    """A group with nobody in it is told; a route of it alone fails."""
    well.slack.world.usergroups["S0SECURITY"].users = []
    subject = well.with_routes(route("S0SECURITY"))
    assert [
        ("groups", "warn", "nobody is in S0SECURITY"),
        ("quorum", "fail", NOBODY),
    ] == await subject.of("groups", "quorum")


async def test_a_group_of_guests(well: Examined):
    """People in a group count only if their answers would."""
    well.slack.world.usergroups["S0SECURITY"].users = ["U0GUEST", "U0EXT"]
    subject = well.with_routes(route("S0SECURITY"))
    assert [
        ("groups", "ok", "1 named in the routes, none is empty"),
        ("quorum", "fail", NOBODY),
    ] == await subject.of("groups", "quorum")


async def test_a_group_that_is_unknown_or_switched_off(well: Examined):
    """Slack's word, in plain English."""
    well.slack.world.usergroups["S0OWNERS"].disabled = True
    subject = well.with_routes(route("S0NONE", "S0OWNERS"))
    off = "Slack knows no such user group, or it is switched off"
    assert [
        ("groups", "warn", f"S0NONE: {off}"),
        ("groups", "warn", f"S0OWNERS: {off}"),
        ("quorum", "fail", NOBODY),
    ] == await subject.of("groups", "quorum")


async def test_a_workspace_without_groups(well: Examined):
    """A plan without user groups leaves the question open where a group is all there is."""
    well.slack.world.workspace.paid_plan = False
    subject = well.with_routes(route("S0OWNERS"))
    assert [
        (
            "groups",
            "warn",
            "S0OWNERS could not be checked: the workspace's plan has no user groups",
        ),
        ("quorum", "warn", f"{NOBODY}; 1 could not be checked"),
    ] == await subject.of("groups", "quorum")


async def test_people_of_the_command_line(well: Examined):
    """Slack knows nothing of them: they are not asked for, and count as there."""
    subject = well.with_routes(route("cli:ana"))
    assert [
        ("approvers", "ok", "none is named in the routes"),
        ("groups", "ok", "none is named in the routes"),
        ("quorum", "ok", "every route has enough people who can answer"),
    ] == await subject.of("approvers", "groups", "quorum")


async def test_routes_are_told_by_their_number(well: Examined):
    """With many routes it is clear which one is meant."""
    subject = well.with_routes(route("U0ANA"), route("U0GONE"), route("U0GUEST", "U0EXT"))
    assert [
        "route 2 (C0APPROVALS) needs 1, and 0 can answer",
        "route 3 (C0APPROVALS) needs 1, and 0 can answer",
    ] == [found for _, _, found in await subject.of("quorum")]


async def test_the_people_of_ladders(well: Examined):
    """Whoever is called when nobody answers in time must be there, live and human."""
    also = ("U0GONE", "U0SIGNOFF", "S0NONE", "U0BEN")
    step = Step(after=60.0, action="widen", also=also)
    rule = RouteRule(channel=CHANNEL, approvers=("U0ANA",), ladder=(step,))
    assert [
        ("approvers", "warn", "U0GONE: deactivated, or invited and never came"),
        ("approvers", "warn", "U0SIGNOFF: a bot, not a person"),
        ("groups", "warn", "S0NONE: Slack knows no such user group, or it is switched off"),
        ("quorum", "ok", "every route has enough people who can answer"),
    ] == await well.with_routes(rule).of("approvers", "groups", "quorum")


async def test_circles_of_a_route(well: Examined):
    """Each circle must have as many as it needs, and all together as many as all need."""
    circles = (
        Demand(name="owners", of=("U0ANA", "U0GONE"), needed=2),
        Demand(name="security", of=("U0ANA",)),
    )
    rule = RouteRule(channel=CHANNEL, quorums=circles)
    assert [
        ("approvers", "warn", "U0GONE: deactivated, or invited and never came"),
        ("quorum", "fail", "route 1 (C0APPROVALS) needs 2 of owners, and 1 can answer"),
        ("quorum", "fail", "route 1 (C0APPROVALS) needs 3 people in all, and 1 can answer"),
    ] == await well.with_routes(rule).of("approvers", "quorum")


async def test_as_many_as_a_route_needs(well: Examined):
    """A route that needs two is not well with one."""
    rule = RouteRule(channel=CHANNEL, approvers=("U0ANA", "U0GONE"), needed=2)
    assert ("quorum", "fail", "route 1 (C0APPROVALS) needs 2, and 1 can answer") in (
        await well.with_routes(rule).of("quorum")
    )


async def test_people_of_another_workspace(well: Examined):
    """They are looked up there, and count only where the route admits their workspace."""
    team = well.slack.world.users["U0EXT"].team_id
    who = f"{team}:U0EXT"
    closed = RouteRule(channel=CHANNEL, approvers=(who,))
    assert [
        ("approvers", "warn", f"{who}: a guest, or of another organisation"),
        ("quorum", "fail", NOBODY),
    ] == await well.with_routes(closed).of("approvers", "quorum")
    rule = RouteRule(channel=CHANNEL, approvers=(who,), teams=(team,))
    assert [
        ("approvers", "ok", "1 named in the routes, all can answer"),
        ("quorum", "ok", "every route has enough people who can answer"),
    ] == await well.with_routes(rule).of("approvers", "quorum")


async def test_a_slack_without_lookups(well: Examined):
    """Another Slack may have no user groups, or nobody at all: said as such, with what to do."""
    people = SandboxClient(well.slack.url)
    async with people:
        await people.faults.refuse("unknown_method", method="usergroups.users.list")
        subject = well.with_routes(route("S0OWNERS"))
        lacks = "this Slack does not have the method"
        assert [
            ("groups", "warn", f"S0OWNERS: {lacks} (usergroups.users.list)"),
            ("quorum", "fail", NOBODY),
        ] == await subject.of("groups", "quorum")
        await people.faults.server_error(status=404, method="users.info")
        subject = well.with_routes(route("U0ANA"))
        assert [
            ("approvers", "warn", f"U0ANA: {lacks} (users.info)"),
            ("quorum", "fail", NOBODY),
        ] == await subject.of("approvers", "quorum")
