"""Owns the Slack app manifest, made from the scopes and events that the code really uses."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from gate import ConfigError

__all__ = ["BOT_EVENTS", "BOT_SCOPES", "OPTIONAL_BOT_SCOPES", "build", "to_yaml"]

BOT_SCOPES: Final = (
    "channels:read",
    "chat:write",
    "commands",
    "groups:read",
    "im:write",
    "usergroups:read",
    "users:read",
)
"""Cards, threads and private answers; the slash command and the shortcut; who a person is, which
groups, what the channel is."""

OPTIONAL_BOT_SCOPES: Final = ("channels:history", "groups:history")
"""Whoever installs the app may leave them out. With them the bot, after a crash, finds the message
that it had under way instead of posting it again."""

BOT_EVENTS: Final[tuple[str, ...]] = ("app_home_opened",)
"""The app is told of no messages. Clicks, forms and commands come without a subscription."""

COMMAND: Final = "/signoff"
SHORTCUT: Final = "signoff_who"
"""callback_id of the message shortcut."""

NAME: Final = "signoff"
DESCRIPTION: Final = "An AI agent asks before it acts, and people answer here."
LONG_DESCRIPTION: Final = (
    "signoff posts a card for every action that an AI agent wants to run and may not run alone. "
    "The card shows who asks and the whole of what would run. Those who may decide approve or "
    "reject it with a button; everything that happens is told in the card's thread. The app reads "
    "no messages; the optional history scopes let it find its own again after a crash."
)

_PLAIN = re.compile(r"[A-Za-z_][A-Za-z0-9_ ]*(?::[a-z]+)?", re.ASCII)
_WORDS_OF_YAML = {"true", "false", "null", "yes", "no", "on", "off", "y", "n"}


def build(*, socket_mode: bool, request_url: str | None = None) -> dict[str, Any]:
    """Return the manifest as plain JSON values.

    Args:
        socket_mode: Slack sends clicks over a connection that the app opens.
        request_url: Without Socket Mode: the https address that Slack sends clicks to.

    Raises:
        ConfigError: No https address without Socket Mode, or an address with it.
    """
    if socket_mode == (request_url is not None):
        raise ConfigError("request_url", "give it exactly where Socket Mode is off")
    if request_url is not None and not request_url.startswith("https://"):
        raise ConfigError("request_url", "Slack sends to https addresses only")
    interactivity: dict[str, Any] = {"is_enabled": True}
    if request_url is not None:
        interactivity["request_url"] = request_url
    settings: dict[str, Any] = {"interactivity": interactivity}
    if BOT_EVENTS:
        address = {"request_url": request_url} if request_url is not None else {}
        settings["event_subscriptions"] = {**address, "bot_events": list(BOT_EVENTS)}
    return {
        "_metadata": {"major_version": 2, "minor_version": 1},
        "display_information": {
            "name": NAME,
            "description": DESCRIPTION,
            "long_description": LONG_DESCRIPTION,
            "background_color": "#1f2937",
        },
        "features": _features(request_url),
        "oauth_config": {
            "scopes": {
                # Those that may be left out stand in both lists.
                "bot": sorted({*BOT_SCOPES, *OPTIONAL_BOT_SCOPES}),
                "bot_optional": list(OPTIONAL_BOT_SCOPES),
            }
        },
        "settings": {
            **settings,
            "org_deploy_enabled": False,
            "socket_mode_enabled": socket_mode,
            "token_rotation_enabled": False,
        },
    }


def _features(request_url: str | None) -> dict[str, Any]:
    command: dict[str, Any] = {
        "command": COMMAND,
        "description": "See and answer what agents ask.",
        "usage_hint": "list | show ID | approve ID | reject ID reason | skip ID reason | edit ID | "
        "answer ID",
        # People who are named come as ids, not as names that anybody can have.
        "should_escape": True,
    }
    if request_url is not None:
        command["url"] = request_url
    return {
        "app_home": {
            "home_tab_enabled": True,
            "messages_tab_enabled": True,
            "messages_tab_read_only_enabled": True,
        },
        "bot_user": {"display_name": NAME, "always_online": True},
        "shortcuts": [
            {
                "name": "Who can decide this?",
                "type": "message",
                "callback_id": SHORTCUT,
                "description": "Says who may answer this request.",
            }
        ],
        "slash_commands": [command],
    }


def to_yaml(value: Mapping[str, Any]) -> str:
    """Return plain JSON values as YAML in block style, ending with a line break.

    Texts that YAML could take for something else are quoted as JSON, which YAML reads alike.
    """
    return "\n".join(_lines(value, "")) + "\n"


def _lines(value: Mapping[str, Any] | Sequence[Any], indent: str) -> Iterator[str]:
    pairs = (
        [(f"{_scalar(name)}:", item) for name, item in value.items()]
        if isinstance(value, Mapping)
        else [("-", item) for item in value]
    )
    for label, item in pairs:
        if isinstance(item, (Mapping, list, tuple)) and item:
            yield f"{indent}{label}"
            yield from _lines(item, indent + "  ")
        else:
            yield f"{indent}{label} {_scalar(item)}"


def _scalar(value: Any) -> str:
    bare = isinstance(value, str) and _PLAIN.fullmatch(value) is not None
    if bare and value.lower() not in _WORDS_OF_YAML and not value.endswith(" "):
        return str(value)
    return json.dumps(value)
