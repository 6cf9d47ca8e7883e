"""The app's settings from a manifest: what a person does on Slack's pages for apps."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .workspace import App, Command, Shortcut


def apply_manifest(app: App, manifest: Mapping[str, Any]) -> None:
    """Set name, commands, shortcuts, scopes, events and Socket Mode as a manifest says.

    A section that the manifest leaves out means "none", as on Slack. Credentials stay, and so
    does the request URL: a manifest may name an address that a sandbox must not call.

    Args:
        app: The app, changed in place.
        manifest: An app manifest, decoded.
    """
    features = manifest.get("features") or {}
    settings = manifest.get("settings") or {}
    app.name = (manifest.get("display_information") or {}).get("name") or app.name
    app.commands = [
        Command(
            item["command"],
            item.get("description", ""),
            item.get("usage_hint", ""),
            bool(item.get("should_escape")),
        )
        for item in features.get("slash_commands") or []
    ]
    app.shortcuts = [
        Shortcut(
            item["name"],
            item["callback_id"],
            "global" if item.get("type") == "global" else "message",
            item.get("description", ""),
        )
        for item in features.get("shortcuts") or []
    ]
    scopes = (manifest.get("oauth_config") or {}).get("scopes") or {}
    app.scopes = set(scopes.get("bot") or [])
    subscriptions = settings.get("event_subscriptions") or {}
    app.events = set(subscriptions.get("bot_events") or [])
    app.socket_mode = bool(settings.get("socket_mode_enabled"))
