"""Interactive elements: which exist, the state they keep, the action a person's use sends."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from .wire import Json

_SELECT = {"placeholder", "confirm", "focus_on_load"}
_MULTI = _SELECT | {"max_selected_items"}

ELEMENT_KEYS: dict[str, set[str]] = {
    "button": {
        "text",
        "value",
        "url",
        "style",
        "confirm",
        "accessibility_label",
        "agent_prompt",
        "agent_prompt_display",
        "visible_to_user_ids",
    },
    "static_select": _SELECT | {"options", "option_groups", "initial_option"},
    "multi_static_select": _MULTI | {"options", "option_groups", "initial_options"},
    "external_select": _SELECT | {"initial_option", "min_query_length"},
    "multi_external_select": _MULTI | {"initial_options", "min_query_length"},
    "users_select": _SELECT | {"initial_user"},
    "multi_users_select": _MULTI | {"initial_users"},
    "conversations_select": _SELECT
    | {"initial_conversation", "default_to_current_conversation", "response_url_enabled", "filter"},
    "multi_conversations_select": _MULTI
    | {"initial_conversations", "default_to_current_conversation", "filter"},
    "channels_select": _SELECT | {"initial_channel", "response_url_enabled"},
    "multi_channels_select": _MULTI | {"initial_channels"},
    "overflow": {"options", "confirm"},
    "radio_buttons": {"options", "initial_option", "confirm", "focus_on_load"},
    "checkboxes": {"options", "initial_options", "confirm", "focus_on_load"},
    "datepicker": _SELECT | {"initial_date"},
    "timepicker": _SELECT | {"initial_time", "timezone"},
    "datetimepicker": {"initial_date_time", "confirm", "focus_on_load"},
    "plain_text_input": {
        "initial_value",
        "multiline",
        "min_length",
        "max_length",
        "dispatch_action_config",
        "focus_on_load",
        "placeholder",
    },
    "email_text_input": {
        "initial_value",
        "dispatch_action_config",
        "focus_on_load",
        "placeholder",
    },
    "url_text_input": {"initial_value", "dispatch_action_config", "focus_on_load", "placeholder"},
    "number_input": {
        "is_decimal_allowed",
        "initial_value",
        "min_value",
        "max_value",
        "dispatch_action_config",
        "focus_on_load",
        "placeholder",
    },
    "rich_text_input": {
        "initial_value",
        "dispatch_action_config",
        "focus_on_load",
        "placeholder",
    },
    "workflow_button": {"text", "workflow", "style", "accessibility_label"},
}

INPUT_ELEMENTS = set(ELEMENT_KEYS) - {"button", "overflow", "workflow_button"}
INTERACTIVE_ELEMENTS = set(ELEMENT_KEYS) - {
    "plain_text_input",
    "email_text_input",
    "url_text_input",
    "number_input",
    "rich_text_input",
}

OPTION_LIMITS = {
    "static_select": 100,
    "multi_static_select": 100,
    "overflow": 5,
    "radio_buttons": 10,
    "checkboxes": 10,
}

# Element type -> (key in the state, key of its initial value).
_STATE_KEYS = {
    "static_select": ("selected_option", "initial_option"),
    "external_select": ("selected_option", "initial_option"),
    "radio_buttons": ("selected_option", "initial_option"),
    "overflow": ("selected_option", ""),
    "multi_static_select": ("selected_options", "initial_options"),
    "multi_external_select": ("selected_options", "initial_options"),
    "checkboxes": ("selected_options", "initial_options"),
    "users_select": ("selected_user", "initial_user"),
    "multi_users_select": ("selected_users", "initial_users"),
    "conversations_select": ("selected_conversation", "initial_conversation"),
    "multi_conversations_select": ("selected_conversations", "initial_conversations"),
    "channels_select": ("selected_channel", "initial_channel"),
    "multi_channels_select": ("selected_channels", "initial_channels"),
    "datepicker": ("selected_date", "initial_date"),
    "timepicker": ("selected_time", "initial_time"),
    "datetimepicker": ("selected_date_time", "initial_date_time"),
    "plain_text_input": ("value", "initial_value"),
    "email_text_input": ("value", "initial_value"),
    "url_text_input": ("value", "initial_value"),
    "number_input": ("value", "initial_value"),
    "rich_text_input": ("rich_text_value", "initial_value"),
}

StateKey = tuple[str, str]


class UnknownOption(ValueError):
    """A person can only choose an option that is shown."""


def elements_of(blocks: list[Json]) -> Iterator[tuple[Json, Json]]:
    """Every interactive element with its block, in reading order."""
    for block in blocks:
        candidates: list[Any] = []
        if block.get("type") == "actions":
            candidates = list(block.get("elements") or [])
        elif block.get("type") == "section":
            candidates = [block.get("accessory")]
        elif block.get("type") == "input":
            candidates = [block.get("element")]
        for element in candidates:
            if isinstance(element, dict) and element.get("type") in ELEMENT_KEYS:
                yield block, element


def _all_options(element: Json) -> list[Json]:
    options = list(element.get("options") or [])
    for group in element.get("option_groups") or []:
        options.extend(group.get("options") or [])
    return options


def _option(element: Json, value: Any) -> Json:
    wanted = value.get("value") if isinstance(value, dict) else value
    for option in _all_options(element):
        if option.get("value") == wanted:
            return option
    raise UnknownOption(f"no option {wanted!r} in {element.get('action_id')!r}")


def entered(element: Json, value: Any) -> Any:
    """What the state holds after a person entered `value` (an option's value, text, an id).

    Raises:
        UnknownOption: the element shows no such option.
    """
    key = _STATE_KEYS[element["type"]][0]
    if value is None:
        return None
    if key == "selected_option":
        return _option(element, value)
    if key == "selected_options":
        return [_option(element, item) for item in value]
    if key == "value":
        return str(value) or None
    return value


def state_values(blocks: list[Json], inputs: dict[StateKey, Any]) -> Json:
    """The `state.values` of a message or view: block id, action id, then the element's state."""
    values: Json = {}
    for block, element in elements_of(blocks):
        kind = element["type"]
        if kind in ("button", "overflow", "workflow_button"):
            continue
        key, initial_key = _STATE_KEYS[kind]
        address = (block["block_id"], element["action_id"])
        value = inputs.get(address, element.get(initial_key))
        if value is None and key.endswith("s"):
            value = []
        values.setdefault(address[0], {})[address[1]] = {"type": kind, key: value}
    return values


def missing_inputs(blocks: list[Json], inputs: dict[StateKey, Any]) -> Json:
    """What Slack's own client refuses to submit: block id -> the sentence shown there."""
    problems: Json = {}
    for block, element in elements_of(blocks):
        if block.get("type") != "input":
            continue
        key, initial_key = _STATE_KEYS[element["type"]]
        address = (block["block_id"], element["action_id"])
        value = inputs.get(address, element.get(initial_key))
        if value in (None, "", []):
            if not block.get("optional"):
                problems[block["block_id"]] = "Please complete this required field."
        elif element["type"] == "plain_text_input" and key == "value":
            least, most = element.get("min_length", 0), element.get("max_length", 3000)
            if not least <= len(value) <= most:
                problems[block["block_id"]] = f"Enter {least} to {most} characters."
    return problems


def action_of(block: Json, element: Json, value: Any, action_ts: str) -> Json:
    """The entry in `actions` for one use of an element.

    Args:
        block: The block that holds the element.
        element: The element used.
        value: What was chosen or typed; ignored for buttons.
        action_ts: When, in Slack's form.

    Raises:
        UnknownOption: the element shows no such option.
    """
    kind = element["type"]
    action: Json = {
        "action_id": element["action_id"],
        "block_id": block["block_id"],
    }
    if kind in ("button", "workflow_button"):
        for key in ("text", "value", "style", "url", "confirm"):
            if element.get(key) is not None:
                action[key] = element[key]
    else:
        action[_STATE_KEYS[kind][0]] = entered(element, value)
        for key in ("placeholder", "confirm"):
            if element.get(key) is not None:
                action[key] = element[key]
    return action | {"type": kind, "action_ts": action_ts}
