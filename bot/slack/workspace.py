"""Owns the look at the workspace before the start: token, scopes, channels."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from gate import ConfigError, get_logger

from ..manifest import BOT_SCOPES
from .messenger import failure

__all__ = ["Workspace", "app_token_trouble", "check_app_token", "look_around"]


@dataclass(frozen=True)
class Workspace:
    """Where the bot is installed."""

    team: str
    team_name: str
    bot_user: str
    bot_id: str


async def look_around(client: AsyncWebClient, *, channels: Iterable[str]) -> Workspace:
    """Return the workspace, if the bot can do its work there.

    Args:
        client: With the bot's token.
        channels: Ids of all channels that routes name.

    Raises:
        ConfigError: A bad token, a missing scope, or a channel that is unknown, archived or
            without the bot; one sentence each.
    """
    answer, headers = await _ask(client, "auth.test", setting="SLACK_BOT_TOKEN")
    if not isinstance(answer.get("team_id"), str):
        raise ConfigError("SLACK_BOT_TOKEN", "Slack names no workspace for this token")
    _check_scopes(headers)
    for channel in dict.fromkeys(channels):
        await _check_channel(client, channel)
    return Workspace(
        team=str(answer["team_id"]),
        team_name=str(answer.get("team", "")),
        bot_user=str(answer.get("user_id", "")),
        bot_id=str(answer.get("bot_id", "")),
    )


async def check_app_token(client: AsyncWebClient, token: str) -> None:
    """Return if Slack opens connections for the app-level *token*.

    The SDK's own connect loop never ends on a bad token, so it is asked for once before.

    Raises:
        ConfigError: Slack refuses the token, or Socket Mode is off.
    """
    try:
        await client.apps_connections_open(app_token=token)
    except Exception as error:  # noqa: BLE001  (whatever it was, the start ends with a sentence)
        raise _config("SLACK_APP_TOKEN", failure(error).reason) from None


def app_token_trouble(word: str) -> ConfigError | None:
    """Return the error for Slack's *word* about an app-level token, if trying again is no use."""
    return _config("SLACK_APP_TOKEN", word) if word in _APP_TOKEN_WORDS else None


def _check_scopes(headers: Any) -> None:
    granted = next(
        (value for name, value in dict(headers).items() if name.lower() == "x-oauth-scopes"), None
    )
    if granted is None:
        get_logger("signoff.slack").warning("workspace.scopes_unknown")
        return
    text = granted[0] if isinstance(granted, list) else str(granted)
    missing = sorted(set(BOT_SCOPES) - {scope.strip() for scope in text.split(",")})
    if missing:
        raise ConfigError(
            "SLACK_BOT_TOKEN",
            f"the app lacks the scope {', '.join(missing)}: update it from the manifest "
            "(`signoff manifest`) and install it again",
        )


async def _check_channel(client: AsyncWebClient, channel: str) -> None:
    answer, _ = await _ask(client, "conversations.info", setting="channel", channel=channel)
    found = answer.get("channel")
    if not isinstance(found, dict):
        raise ConfigError(f"channel {channel}", "Slack says nothing about it")
    if found.get("is_archived"):
        raise ConfigError(f"channel {channel}", "it is archived")
    if found.get("is_member") is False:
        raise ConfigError(
            f"channel {channel}", "the bot is not in it: invite it with /invite @signoff"
        )


async def _ask(
    client: AsyncWebClient, method: str, *, setting: str, **params: str
) -> tuple[dict[str, Any], Any]:
    try:
        response = await client.api_call(method, http_verb="GET", params=params)
    except Exception as error:  # noqa: BLE001  (whatever it was, the start ends with a sentence)
        reason = failure(error).reason
        if reason == "missing_scope" and isinstance(error, SlackApiError):
            reason = f"missing_scope: {error.response.get('needed', '?')}"
        if setting == "channel":
            setting = f"channel {params['channel']}"
        raise _config(setting, reason) from None
    return (response.data if isinstance(response.data, dict) else {}), response.headers


_APP_TOKEN_WORDS = {
    "access_denied",
    "account_inactive",
    "invalid_auth",
    "link_disabled",
    "missing_scope",
    "no_permission",
    "not_allowed_token_type",
    "not_authed",
    "token_expired",
    "token_revoked",
}
"""What only the operator can mend; after any other word the same token may work later."""

_SENTENCES = {
    "invalid_auth": "Slack does not know this token",
    "not_authed": "Slack does not know this token",
    "account_inactive": "the token's account is deactivated",
    "token_revoked": "the token was revoked",
    "token_expired": "the token has expired",
    "not_allowed_token_type": "this is another kind of token",
    "link_disabled": "Socket Mode is switched off for the app",
    "channel_not_found": "Slack knows no such channel, or the bot cannot see it",
    "unreachable": "Slack cannot be reached",
    "timeout": "Slack did not answer in time",
}


def _config(setting: str, reason: str) -> ConfigError:
    return ConfigError(setting, _SENTENCES.get(reason, f"Slack says {reason}"))
