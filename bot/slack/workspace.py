"""Owns the look at the workspace before the start: token, scopes, channels."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from gate import ConfigError, get_logger

from ..manifest import BOT_SCOPES
from .messenger import failure, is_missing, plain_word, read

__all__ = ["Workspace", "app_token_trouble", "check_app_token", "look_around"]


@dataclass(frozen=True)
class Workspace:
    """Where the bot is installed."""

    team: str
    team_name: str
    bot_user: str
    bot_id: str

    def posted(self, message: Mapping[str, Any]) -> bool:
        """Say whether our bot posted *message*, by what Slack says of it.

        Slack gives messages of bots a `bot_id`; where there is none at all, the bot's user counts.
        Nobody else can post under either.
        """
        by = message.get("bot_id")
        if by is not None:
            return bool(self.bot_id) and by == self.bot_id
        return bool(self.bot_user) and message.get("user") == self.bot_user


async def look_around(client: AsyncWebClient, *, channels: Iterable[str]) -> Workspace:
    """Return the workspace, if the bot can do its work there.

    Args:
        client: With the bot's token.
        channels: Ids of all channels that routes name.

    Raises:
        ConfigError: A bad token, a missing scope, or a channel that is unknown, archived or
            without the bot; one sentence each. Channels that cannot be looked at, because there is
            no such method, are only warned about.
    """
    try:
        response = await read(client, "auth.test", {})
    except Exception as error:  # noqa: BLE001  (whatever it was, the start ends with a sentence)
        if is_missing(word := _word(error)):
            raise ConfigError("SLACK_API_URL", f"no Web API answers there ({word})") from None
        raise _config("SLACK_BOT_TOKEN", word) from None
    answer = response.data if isinstance(response.data, dict) else {}
    if not isinstance(answer.get("team_id"), str):
        raise ConfigError(
            "SLACK_BOT_TOKEN", "Slack names no workspace for this token (auth.test has no team_id)"
        )
    for name in ("user_id", "bot_id"):
        if not isinstance(answer.get(name), str):
            # The less our own messages are known by, the fewer are found again.
            get_logger("signoff.slack").warning("workspace.incomplete", missing=name)
    _check_scopes(response.headers)
    for channel in dict.fromkeys(channels):
        if not await _check_channel(client, channel):
            get_logger("signoff.slack").warning("workspace.channels_unknown")
            break
    return Workspace(
        team=str(answer["team_id"]),
        team_name=str(answer.get("team", "")),
        bot_user=str(answer.get("user_id") or ""),
        bot_id=str(answer.get("bot_id") or ""),
    )


async def check_app_token(client: AsyncWebClient, token: str) -> None:
    """Return if Slack opens connections for the app-level *token*.

    The SDK's own connect loop never ends on a bad token, so it is asked for once before.

    Raises:
        ConfigError: Slack refuses the token, or Socket Mode is off.
    """
    try:
        answer = await client.apps_connections_open(app_token=token)
    except Exception as error:  # noqa: BLE001  (whatever it was, the start ends with a sentence)
        raise _config("SLACK_APP_TOKEN", plain_word(error)) from None
    if not str(answer.get("url")).startswith(("wss://", "ws://")):
        raise ConfigError("SLACK_APP_TOKEN", "Slack names no address to connect to")


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


async def _check_channel(client: AsyncWebClient, channel: str) -> bool:
    """Return whether it could be looked at; raise if the bot cannot work in it."""
    setting = f"channel {channel}"
    try:
        answer = (await read(client, "conversations.info", {"channel": channel})).data
    except Exception as error:  # noqa: BLE001  (whatever it was, the start ends with a sentence)
        if is_missing(failure(error).reason):
            return False
        raise _config(setting, _word(error)) from None
    found = answer.get("channel") if isinstance(answer, dict) else None
    if not isinstance(found, dict):
        raise ConfigError(setting, "Slack says nothing about it")
    if found.get("is_archived"):
        raise ConfigError(setting, "it is archived")
    if found.get("is_member") is False:
        raise _config(setting, "not_in_channel")
    return True


def _word(error: Exception) -> str:
    word = failure(error).reason
    if word == "missing_scope" and isinstance(error, SlackApiError):
        return f"missing_scope: {error.response.get('needed', '?')}"
    return word


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
    "unknown_method",
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
    "unknown_method": "there is no Socket Mode here (apps.connections.open): unset it, and set "
    "SLACK_SIGNING_SECRET for clicks over HTTP",
    "not_in_channel": "the bot is not in it: invite it with /invite @signoff",
    "channel_not_found": "Slack knows no such channel, or the bot cannot see it",
    "unreachable": "Slack cannot be reached from here",
    "timeout": "Slack did not answer in time",
}


_AWAY = {"unreachable", "timeout"}
"""Words that say nothing about the token."""


def _config(setting: str, reason: str) -> ConfigError:
    setting = "SLACK_API_URL" if reason in _AWAY else setting
    return ConfigError(setting, _SENTENCES.get(reason, f"Slack says {reason}"))
