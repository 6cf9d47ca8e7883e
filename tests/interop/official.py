"""Payloads compared with JSON Schemas that were generated from Slack's official types."""

from __future__ import annotations

from typing import Any

from jsonschema import Draft7Validator

# Delivery type -> name of the type in payloads.ts.
_TYPES = {
    "block_actions": "AnyClick",
    "view_submission": "ViewSubmission",
    "view_closed": "ViewClosed",
    "slash_command": "Command",
    "message_action": "MessageAction",
    "shortcut": "Shortcut",
    "app_home_opened": "HomeOpened",
    "message": "MessagePosted",
    "tokens_revoked": "TokensRevoked",
}


def problems(schema: dict[str, Any], name: str, value: Any) -> list[str]:
    """What the official type `name` finds wrong with a value."""
    validator = Draft7Validator({**schema, "$ref": f"#/definitions/{name}"})
    found = []
    for error in validator.iter_errors({"value": value}):
        deepest = min(error.context or [error], key=lambda item: -len(item.absolute_path))
        found.append(f"{name}{list(deepest.absolute_path)}: {deepest.message[:300]}")
    return found


def payload_problems(schema: dict[str, Any], delivery: dict[str, Any]) -> list[str]:
    """What the official types find wrong with a delivered payload.

    Known holes of the types are closed first: outside of an enterprise real payloads have
    `enterprise: null`, events `context_enterprise_id: null` (docs.slack.dev, block_actions and
    Slack Connect), and clicks in views have no `response_url`.
    """
    payload = dict(delivery["payload"])
    for key in ("enterprise", "context_enterprise_id"):
        if payload.get(key, "") is None:
            del payload[key]
    if delivery["type"] == "block_actions" and "view" in payload:
        payload.setdefault("response_url", "")
    return problems(schema, _TYPES[delivery["type"]], payload)
