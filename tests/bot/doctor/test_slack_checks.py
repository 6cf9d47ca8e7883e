"""The app's faults in Slack: token, scopes, channels, the way in."""

from __future__ import annotations

import pytest

from bot.directory import LookupFailed
from bot.doctor import slack_checks
from bot.manifest import BOT_SCOPES, OPTIONAL_BOT_SCOPES
from bot.routing import RouteRule, Step
from bot.sandbox import SandboxClient
from bot.slack.inspection import open_inspection
from tests.bot.doctor.examined import CHANNEL, Examined, examined, settings_of
from tests.bot.slack.edge import slack_edge
from tests.support.servers import RedisServer

NEEDED = f"all {len(BOT_SCOPES)} that are needed"
ALL = ("slack.token", "slack.scopes", "slack.channels", "approvers", "groups", "quorum")


async def test_all_is_well(well: Examined):
    """Each says what it looked at."""
    assert [
        ("slack.token", "ok", "workspace Sandbox (T0SANDBOX)"),
        ("slack.scopes", "ok", NEEDED),
        ("slack.channels", "ok", "the bot is in C0APPROVALS"),
        ("approvers", "ok", "2 named in the routes, all can answer"),
        ("groups", "ok", "1 named in the routes, none is empty"),
        ("quorum", "ok", "every route has enough people who can answer"),
    ] == await well.of(*ALL)


async def test_a_token_that_slack_does_not_know(server: RedisServer):
    """The token fails once; whatever hangs on it is said to be unknown, and is not blamed."""
    async with examined(server.url, token="xoxb-s3cret") as subject:
        findings = await subject.findings()
    found = {each.check: (each.state.value, each.found) for each in findings}
    assert ("fail", "Slack does not know the token") == found["slack.token"]
    for check in ("slack.scopes", "approvers", "groups", "quorum", "slack.channels"):
        assert "warn" == found[check][0], check
        assert "could not be checked" in found[check][1], check
    assert "s3cret" not in repr(findings)


@pytest.mark.parametrize(
    ("word", "sentence"),
    [
        ("token_revoked", "the token was revoked"),
        ("account_inactive", "the token's account is deactivated"),
        ("something_new", "Slack says something_new"),
    ],
)
async def test_a_token_that_is_no_good_any_more(well: Examined, word: str, sentence: str):
    """Known words are explained, others repeated."""
    well.slack.world.app.token_error = word
    assert [("slack.token", "fail", sentence)] == await well.of("slack.token")


async def test_missing_scopes(well: Examined):
    """They are named, all of them, with the way to get them."""
    well.slack.world.app.scopes -= {"usergroups:read", "users:read"}
    findings = {each.check: each for each in await well.findings()}
    assert "missing: usergroups:read, users:read" == findings["slack.scopes"].found
    assert "fail" == findings["slack.scopes"].state
    assert "signoff manifest" in findings["slack.scopes"].advice
    # What cannot be looked up for want of a scope is not taken for absent.
    assert {"warn"} == {findings[check].state for check in ("approvers", "groups", "quorum")}


async def test_more_scopes_than_needed(well: Examined):
    """It works, and the operator may see that the app could do with less."""
    well.slack.world.app.scopes |= {"files:write"}
    assert [("slack.scopes", "ok", f"{NEEDED}; granted beyond them: files:write")] == await well.of(
        "slack.scopes"
    )


async def test_scopes_that_may_be_left_out(well: Examined):
    """Whoever installs the app chose so: it is told, and nothing is wrong."""
    well.slack.world.app.scopes = set(BOT_SCOPES)
    left_out = ", ".join(sorted(OPTIONAL_BOT_SCOPES))
    assert [
        ("slack.scopes", "ok", f"{NEEDED}; left out, as they may be: {left_out}")
    ] == await well.of("slack.scopes")


async def test_scopes_that_nobody_tells():
    """Without the header it is said that nobody knows."""
    async with slack_edge() as edge:
        edge.answers["auth.test"] = b'{"ok":true,"team_id":"T1"}'
        async with open_inspection("xoxb-1", api_url=edge.url, seconds=2) as place:
            [finding] = await slack_checks.scopes(place)
    assert ("warn", "it could not be checked: Slack did not list the token's scopes") == (
        finding.state,
        finding.found,
    )


async def test_channels(well: Examined):
    """Unknown, archived, without the bot, shared: each by its id, the good one not at all."""
    world = well.slack.world
    world.channels["C0PRIVATE"].is_archived = True
    world.channels[CHANNEL].is_ext_shared = True
    rules = [
        RouteRule(channel=channel, approvers=("U0ANA",))
        for channel in ("C0NONE", "C0PRIVATE", "C0GENERAL", CHANNEL, CHANNEL)
    ]
    assert [
        ("fail", "C0NONE: Slack knows no such channel, or the bot cannot see it"),
        ("fail", "C0PRIVATE is archived"),
        ("fail", "the bot is not in C0GENERAL"),
        ("warn", "C0APPROVALS is shared: people of other organisations see what is asked"),
    ] == [each[1:] for each in await well.with_routes(*rules).of("slack.channels")]


async def test_each_thing_is_asked_for_once(well: Examined):
    """Ten routes with the same people and channel are no more questions than one."""
    rule = RouteRule(channel=CHANNEL, approvers=("U0ANA", "U0BEN", "S0OWNERS"))
    await well.with_routes(*[rule] * 10).of(*ALL)
    asked = [request.method for request in well.slack.world.requests]
    assert 1 == asked.count("conversations.info")
    assert asked.count("users.info") <= 4
    assert asked.count("usergroups.users.list") <= 2


async def test_nothing_is_changed(well: Examined):
    """An examination only asks: it posts nothing and opens nothing."""
    await well.findings()
    assert {
        "apps.connections.open",
        "auth.test",
        "conversations.info",
        "usergroups.users.list",
        "users.info",
    } == {request.method for request in well.slack.world.requests}


async def test_a_slack_that_is_away(well: Examined):
    """No answer is said as what it is, and not as a wrong token."""
    well.slack.world.away = "drop"
    found = await well.of("slack.token", "slack.scopes", "interactivity")
    assert [
        ("slack.token", "fail", "Slack cannot be reached"),
        ("slack.scopes", "warn", "it could not be checked: Slack says unreachable"),
        ("interactivity", "warn", "it could not be checked: Slack cannot be reached"),
    ] == found


async def test_the_app_token(well: Examined):
    """Slack offers a connection, or says why not; none is opened, or it would be handed clicks."""
    [(_, state, found)] = await well.of("interactivity")
    assert "ok" == state
    assert "only a click shows" in found
    assert [] == well.slack.hub.connections
    well.slack.world.app.app_token_error = "invalid_auth"
    assert [("interactivity", "fail", "Slack does not know the token")] == await well.of(
        "interactivity"
    )
    well.slack.world.app.app_token_error = "link_disabled"
    assert [("interactivity", "fail", "Socket Mode is switched off for the app")] == await well.of(
        "interactivity"
    )


async def test_a_wrong_app_token(well: Examined):
    """The advice names the setting, and no finding the token."""
    settings = settings_of(well.slack, SLACK_APP_TOKEN="xapp-s3cret")
    findings = await well.but(settings=settings).findings()
    [found] = [each for each in findings if each.check == "interactivity"]
    assert ("fail", True) == (found.state, "SLACK_APP_TOKEN" in found.advice)
    assert "s3cret" not in repr(findings)


@pytest.mark.parametrize("channel", [b"null", b'"C1"', b"[]"])
async def test_a_channel_that_slack_says_nothing_about(channel: bytes):
    """An answer in another form leaves it open how it is with the channel."""
    async with slack_edge() as edge:
        edge.answers["conversations.info"] = b'{"ok":true,"channel":%s}' % channel
        async with open_inspection("xoxb-1", api_url=edge.url, seconds=2) as place:
            with pytest.raises(LookupFailed, match="malformed_answer"):
                await place.channel("C1")
            [finding] = await slack_checks.channels(place, ["C1"])
    assert ("warn", "C1 could not be checked: Slack's answer has another form") == (
        finding.state,
        finding.found,
    )


async def test_a_token_of_no_workspace():
    """Without a workspace no one could be looked up."""
    async with slack_edge() as edge:
        edge.answers["auth.test"] = b'{"ok":true,"team_id":null}'
        async with open_inspection("xoxb-1", api_url=edge.url, seconds=2) as place:
            [finding] = await slack_checks.token(place)
    assert "fail" == finding.state


async def test_a_limit(well: Examined):
    """Slack's wish to be left alone is no fault of the token's."""
    async with slack_edge() as edge:
        edge.status, edge.headers = 429, {"Retry-After": "30"}
        edge.says("ratelimited")
        async with open_inspection("xoxb-1", api_url=edge.url, seconds=2) as place:
            [finding] = await slack_checks.token(place)
    assert ("Slack asks to be left alone for a while", "run it again later") == (
        finding.found,
        finding.advice,
    )


async def test_the_channels_of_ladders(well: Examined):
    """Where a ladder would move a request must be ready for it before that time comes."""
    ladder = tuple(
        Step(after=60.0 * minutes, action="move", channel=channel)
        for minutes, channel in enumerate(("C0GENERAL", "C0NONE"), start=1)
    )
    rule = RouteRule(channel=CHANNEL, approvers=("U0ANA",), ladder=ladder)
    assert [
        ("fail", "the bot is not in C0GENERAL"),
        ("fail", "C0NONE: Slack knows no such channel, or the bot cannot see it"),
    ] == [each[1:] for each in await well.with_routes(rule).of("slack.channels")]


async def test_another_slack(well: Examined):
    """What it does not have is named, with what to do in its place."""
    async with SandboxClient(well.slack.url) as people:
        await people.faults.refuse("unknown_method", method="conversations.info")
        await people.faults.server_error(status=404, method="apps.connections.open")
        found = {each.check: each for each in await well.findings()}
        await people.faults.refuse("unknown_method", method="auth.test")
        token = next(each for each in await well.findings() if each.check == "slack.token")
    lacks = "this Slack does not have the method"
    channel, way = found["slack.channels"], found["interactivity"]
    assert ("warn", f"{CHANNEL} could not be checked: {lacks} (conversations.info)") == (
        channel.state.value,
        channel.found,
    )
    assert ("fail", "there is no Socket Mode (apps.connections.open)") == (
        way.state.value,
        way.found,
    )
    assert "SLACK_SIGNING_SECRET" in way.advice
    assert ("fail", lacks) == (token.state.value, token.found)
    assert "SLACK_API_URL" in token.advice
