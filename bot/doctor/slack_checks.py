"""Owns the checks of the app in Slack: its token, its scopes, its channels, its way in."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence
from typing import Final

from ..directory import LookupFailed
from ..manifest import BOT_SCOPES, OPTIONAL_BOT_SCOPES
from .findings import Finding, fail, ok, warn
from .workplace import Workplace

__all__ = [
    "AT_ONCE",
    "FIRST",
    "MISSING",
    "channels",
    "plainly",
    "scopes",
    "socket_mode",
    "token",
    "unchecked",
]

AT_ONCE: Final = 8
"""Questions to Slack under way at once."""

_REINSTALL: Final = "update the app from `signoff manifest` and install it again"
_LATER: Final = "run it again later"
MISSING: Final = "unknown_method"
"""The word where the chat does not have what is asked: another Slack than Slack's own."""
FIRST: Final = "mend what slack.token and slack.scopes say, and run it again"
_WORDS: Final = {
    "invalid_auth": "Slack does not know the token",
    "not_authed": "Slack does not know the token",
    "account_inactive": "the token's account is deactivated",
    "token_revoked": "the token was revoked",
    "token_expired": "the token has expired",
    "not_allowed_token_type": "it is another kind of token",
    "missing_scope": "the token lacks a scope",
    "link_disabled": "Socket Mode is switched off for the app",
    "socket_mode_not_enabled": "Socket Mode is switched off for the app",
    "channel_not_found": "Slack knows no such channel, or the bot cannot see it",
    "user_not_found": "Slack knows no such person",
    "user_not_visible": "the bot cannot see this person",
    "no_such_subteam": "Slack knows no such user group, or it is switched off",
    "plan_upgrade_required": "the workspace's plan has no user groups",
    "unreachable": "Slack cannot be reached",
    "timeout": "Slack did not answer in time",
    "ratelimited": "Slack asks to be left alone for a while",
    "malformed_answer": "Slack's answer has another form",
    "no_team_id": "Slack's answer does not say of which workspace they are (team_id)",
    "no_is_bot": "Slack's answer does not say whether that is a bot (is_bot)",
    MISSING: "this Slack does not have the method",
}
_ABOUT_THE_CALLER: Final = frozenset(
    {
        "invalid_auth", "not_authed", "account_inactive", "token_revoked", "token_expired",
        "not_allowed_token_type", "missing_scope", "unreachable", "timeout", "ratelimited",
        "malformed_answer", "internal_error", "fatal_error", "service_unavailable",
        "plan_upgrade_required",
    }
)  # fmt: skip
"""Words that say nothing about the thing that was asked for."""


def plainly(word: str) -> str:
    """Return Slack's *word* as a part of a sentence."""
    return _WORDS.get(word, f"Slack says {word}")


def unchecked(word: str) -> bool:
    """Say whether *word* leaves open how it is with the thing that was asked for."""
    return word in _ABOUT_THE_CALLER or word.startswith("http_")


async def token(place: Workplace) -> Sequence[Finding]:
    """Say whether Slack takes the bot's token."""
    check = "slack.token"
    try:
        identity = await place.identity()
    except LookupFailed as error:
        network = error.reason in ("unreachable", "timeout", MISSING)
        network = network or error.reason.startswith("http_")
        advice = (
            "see whether Slack can be reached from here, and SLACK_API_URL if it is set"
            if network
            else _LATER
            if error.reason == "ratelimited"
            else "set SLACK_BOT_TOKEN to the bot token of the app's page OAuth & Permissions"
        )
        return [fail(check, plainly(error.reason), advice)]
    return [ok(check, f"workspace {identity.team_name} ({identity.team})")]


async def scopes(place: Workplace) -> Sequence[Finding]:
    """Compare what the token may do with what the manifest asks for."""
    check = "slack.scopes"
    granted = (await place.identity()).scopes
    if granted is None:
        found = "it could not be checked: Slack did not list the token's scopes"
        return [warn(check, found, f"if calls fail with missing_scope, {_REINSTALL}")]
    missing = sorted(set(BOT_SCOPES) - granted)
    if missing:
        return [fail(check, f"missing: {', '.join(missing)}", _REINSTALL)]
    parts = [f"all {len(BOT_SCOPES)} that are needed"]
    left_out = sorted(set(OPTIONAL_BOT_SCOPES) - granted)
    if left_out:
        parts.append(f"left out, as they may be: {', '.join(left_out)}")
    more = sorted(granted - {*BOT_SCOPES, *OPTIONAL_BOT_SCOPES})
    if more:
        parts.append(f"granted beyond them: {', '.join(more)}")
    return [ok(check, "; ".join(parts))]


async def channels(place: Workplace, ids: Iterable[str]) -> Sequence[Finding]:
    """Say of each channel of the routes whether the bot can post there."""
    known = list(dict.fromkeys(ids))
    gap = asyncio.Semaphore(AT_ONCE)

    async def look(channel: str) -> Finding | None:
        async with gap:
            return await _channel(place, channel)

    found = await asyncio.gather(*(look(channel) for channel in known))
    troubles = [finding for finding in found if finding is not None]
    return troubles or [ok("slack.channels", f"the bot is in {', '.join(known)}")]


async def _channel(place: Workplace, channel: str) -> Finding | None:
    check = "slack.channels"
    try:
        facts = await place.channel(channel)
    except LookupFailed as error:
        if error.reason == MISSING:
            found = f"{channel} could not be checked: {plainly(MISSING)} (conversations.info)"
            return warn(check, found, "see that the bot is in it")
        if unchecked(error.reason):
            found = f"{channel} could not be checked: {plainly(error.reason)}"
            return warn(check, found, FIRST)
        advice = "mend the route's channel, or invite the bot with /invite @signoff"
        return fail(check, f"{channel}: {plainly(error.reason)}", advice)
    if facts.archived:
        return fail(check, f"{channel} is archived", "name another channel in the route")
    if not facts.member:
        return fail(check, f"the bot is not in {channel}", "invite it with /invite @signoff")
    if facts.shared:
        found = f"{channel} is shared: people of other organisations see what is asked"
        return warn(check, found, "name a channel of your own, if that is not meant")
    return None


async def socket_mode(place: Workplace, app_token: str) -> Sequence[Finding]:
    """Say whether Slack would open a connection for clicks."""
    check = "interactivity"
    try:
        await place.offers_connection(app_token)
    except LookupFailed as error:
        if error.reason in ("link_disabled", "socket_mode_not_enabled"):
            advice = "switch Socket Mode on, on the app's own page"
        elif error.reason == MISSING:
            found = "there is no Socket Mode (apps.connections.open)"
            advice = "set SLACK_SIGNING_SECRET in place of SLACK_APP_TOKEN: clicks come over HTTP"
            return [fail(check, found, advice)]
        elif error.reason in ("unreachable", "timeout", "ratelimited"):
            found = f"it could not be checked: {plainly(error.reason)}"
            return [warn(check, found, _LATER)]
        else:
            advice = "set SLACK_APP_TOKEN to an app-level token with connections:write"
        return [fail(check, plainly(error.reason), advice)]
    found = "Slack offers connections for the app token; only a click shows that one is answered"
    return [ok(check, found)]
