"""The manifest: what the code needs, nothing more, in Slack's own form."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from bot.manifest import BOT_EVENTS, BOT_SCOPES, OPTIONAL_BOT_SCOPES, build, to_yaml
from bot.slack import ids
from gate import ConfigError

ROOT = Path(__file__).parents[2]
SCHEMA = ROOT / "tests" / "golden" / "slack_manifest" / "manifest.schema.2.0.0.json"
URL = "https://signoff.example.com/slack/events"
MANIFESTS = {
    "socket": build(socket_mode=True),
    "http": build(socket_mode=False, request_url=URL),
}


@pytest.mark.parametrize("name", MANIFESTS)
def test_the_files_are_what_the_code_generates(name: str) -> None:
    """Nobody edits a manifest by hand: `to_yaml(build(...))` is the file."""
    file = ROOT / "manifests" / f"{name}.yaml"
    assert file.read_text(encoding="utf-8") == to_yaml(MANIFESTS[name])


@pytest.mark.parametrize("name", MANIFESTS)
def test_slack_accepts_the_manifest(name: str) -> None:
    """Slack's published schema takes it."""
    schema = json.loads(SCHEMA.read_text(encoding="utf-8"))
    errors = jsonschema.Draft7Validator(schema).iter_errors(MANIFESTS[name])
    assert [error.message for error in errors] == []


@pytest.mark.parametrize("name", MANIFESTS)
def test_the_yaml_reads_back(name: str) -> None:
    """A reader of YAML's block style finds the same values."""
    assert MANIFESTS[name] == _read(to_yaml(MANIFESTS[name]).splitlines(), 0)[0]


def test_scopes_are_the_ones_in_use() -> None:
    """Without the optional scopes the app cannot read messages; it asks for nothing unused."""
    assert list(BOT_SCOPES) == [
        "channels:read", "chat:write", "commands", "groups:read", "im:write", "usergroups:read",
        "users:read",
    ]  # fmt: skip
    assert BOT_EVENTS == ("app_home_opened",)


@pytest.mark.parametrize("name", MANIFESTS)
def test_every_way_in_is_asked_for(name: str) -> None:
    """The command, the shortcut and the home that the code listens to are in the manifest."""
    features = MANIFESTS[name]["features"]
    assert [ids.COMMAND] == [each["command"] for each in features["slash_commands"]]
    assert all(each["should_escape"] for each in features["slash_commands"])
    assert [(ids.WHO, "message")] == [(e["callback_id"], e["type"]) for e in features["shortcuts"]]
    assert features["app_home"]["home_tab_enabled"]


@pytest.mark.parametrize("name", MANIFESTS)
def test_the_history_may_be_left_out(name: str) -> None:
    """Reading history is optional, and asked for in no other way."""
    scopes = MANIFESTS[name]["oauth_config"]["scopes"]
    assert ["channels:history", "groups:history"] == scopes["bot_optional"]
    assert set(scopes["bot"]) == {*BOT_SCOPES, *OPTIONAL_BOT_SCOPES}
    assert not set(BOT_SCOPES) & set(OPTIONAL_BOT_SCOPES)


def test_the_transports_differ_in_address_only() -> None:
    """The same app over either transport."""
    socket, http = MANIFESTS["socket"]["settings"], MANIFESTS["http"]["settings"]
    assert http["interactivity"]["request_url"] == URL
    assert (socket["socket_mode_enabled"], http["socket_mode_enabled"]) == (True, False)
    assert MANIFESTS["socket"]["oauth_config"] == MANIFESTS["http"]["oauth_config"]


@pytest.mark.parametrize(
    "options",
    [
        {"socket_mode": False},
        {"socket_mode": True, "request_url": URL},
        {"socket_mode": False, "request_url": "http://signoff.example.com"},
    ],
)
def test_a_manifest_that_cannot_work_is_refused(options: dict[str, Any]) -> None:
    """No address without Socket Mode, or an address that Slack does not send to."""
    with pytest.raises(ConfigError):
        build(**options)


@pytest.mark.parametrize(
    ("value", "line"),
    [
        ("yes", 'a: "yes"'), ("1", 'a: "1"'), ("", 'a: ""'), ("a: b", 'a: "a: b"'),
        ("#x", 'a: "#x"'), ('say "x"', 'a: "say \\"x\\""'), (True, "a: true"), (2, "a: 2"),
        ("chat:write", "a: chat:write"), ([], "a: []"), ("plain words", "a: plain words"),
    ],
)  # fmt: skip
def test_texts_stay_texts_in_yaml(value: Any, line: str) -> None:
    """What YAML could take for something else is quoted."""
    assert line + "\n" == to_yaml({"a": value})


def _read(lines: list[str], depth: int) -> tuple[Any, list[str]]:
    """Read the block style that the generator writes: mappings, lists, scalars."""
    found: dict[str, Any] = {}
    items: list[Any] = []
    while lines and len(lines[0]) - len(lines[0].lstrip()) == depth:
        line, lines = lines[0].strip(), lines[1:]
        if line == "-":
            item, lines = _read(lines, depth + 2)
            items.append(item)
            continue
        if line.startswith("- "):
            items.append(_scalar(line[2:]))
            continue
        name, _, rest = line.partition(":")
        if rest:
            found[name] = _scalar(rest.strip())
        else:
            found[name], lines = _read(lines, depth + 2)
    return (items or found), lines


def _scalar(text: str) -> Any:
    plain = text[0] not in '"-0123456789[{' and text not in ("true", "false", "null")
    return text if plain else json.loads(text)
