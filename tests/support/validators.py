"""Owns the judges of what goes to Slack: two libraries, the official types, and our own check.

Each of the four sees what the others miss. None of them is the product's own `bot.slack.limits`,
nor the sandbox's check, so that nobody is judged by himself.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any, Final, Literal

import slackblocks
from jsonschema import Draft7Validator
from slack_sdk.errors import SlackObjectFormationError
from slack_sdk.models.blocks import Block
from slack_sdk.models.views import View
from slackblocks.errors import InvalidUsageError

from tests.support.frame import frame_problems

__all__ = ["NOT_MODELLED", "NO_MODEL", "Kind", "problems"]

Kind = Literal["message", "modal", "home"]
Body = Mapping[str, Any]

NO_MODEL: Final = frozenset({"data_table", "data_visualization"})
"""Kinds of blocks that slack_sdk has no model for: its way back says nothing about them."""
NOT_MODELLED: Final = {
    "link": frozenset({"unsafe"}),
    "rich_text_quote": frozenset({"border"}),
}
"""Keys that are official, and that slack_sdk's models drop; by the `type` of their object."""

_SCHEMA: Final = Path(__file__).parents[1] / "golden" / "slack_types" / "outgoing.schema.json"


def problems(kind: Kind, body: Body) -> list[str]:
    """Return what is wrong with something that goes to Slack; empty is good.

    Args:
        kind: What it is.
        body: A message's `text` and `blocks`, or the `view` of a modal or a home. Other arguments
            of the call may stand beside those of a message.

    Returns:
        Sentences, each beginning with the judge's name.
    """
    blocks = body.get("blocks") or ()
    if not isinstance(blocks, list | tuple) or not all(isinstance(b, Mapping) for b in blocks):
        return ["own check: blocks: not a list of objects"]
    judges: dict[str, Callable[[Kind, Body], Iterator[str]]] = {
        "slack_sdk": _models,
        "slackblocks": _slackblocks,
        "official types": _types,
        "own check": frame_problems,
    }
    return [f"{name}: {text}" for name, judge in judges.items() for text in judge(kind, body)]


def _blocks(body: Body) -> list[Any]:
    return list(body.get("blocks") or ())


def _models(kind: Kind, body: Body) -> Iterator[str]:
    """Slack's SDK: its models drop in silence what they do not know, so the way back is compared.

    Blocks without a model are left out, and keys that a model lacks; all the rest is compared.
    """
    known = [block for block in _blocks(body) if block.get("type") not in NO_MODEL]
    for index, block in enumerate(known):
        yield from _way_back(f"blocks/{index}", block, lambda each: Block.parse(dict(each)))
    if kind != "message":
        # One block is enough here: they were all looked at, and the next judge counts them.
        yield from _way_back("view", {**body, "blocks": known[:1]}, lambda each: View(**each))


def _way_back(place: str, sent: Body, parse: Callable[[Body], Any]) -> Iterator[str]:
    try:
        parsed = parse(sent)
        if parsed is None:
            yield f"{place}: {sent.get('type')!r} is unknown"
        else:
            back = parsed.to_dict()
            if _comparable(sent) != _comparable(back):
                yield f"{place}: comes back as {json.dumps(back)[:300]}"
    except (AttributeError, SlackObjectFormationError, TypeError, ValueError) as error:
        yield f"{place}: {error}"


def _comparable(value: Any) -> Any:
    if isinstance(value, list | tuple):
        return [_comparable(item) for item in value]
    if not isinstance(value, Mapping):
        return value
    dropped = NOT_MODELLED.get(str(value.get("type")), frozenset())
    return {
        key: _comparable(item)
        for key, item in value.items()
        if item is not None and key not in dropped
    }


class _AsSent(slackblocks.Block):
    """A block that slackblocks cannot parse, so that it can still judge what it stands in."""

    def __init__(self, sent: Body) -> None:
        self._sent = dict(sent)

    def _resolve(self) -> dict[str, Any]:
        return self._sent


def _slackblocks(kind: Kind, body: Body) -> Iterator[str]:
    """A third party's reading of the documentation: lengths, and what may stand on which surface.

    It has no opinion on what it cannot parse: elements, and blocks that hold elements.
    """
    parsed: list[slackblocks.Block] = []
    for index, block in enumerate(_blocks(body)):
        try:
            parsed.append(slackblocks.Block.from_dict(block))
        except NotImplementedError:
            parsed.append(_AsSent(block))
        except (InvalidUsageError, KeyError, TypeError, ValueError) as error:
            yield f"blocks/{index}: {error}"
            parsed.append(_AsSent(block))
    try:
        if kind == "message":
            slackblocks.Message(channel="C1", text=body.get("text"), blocks=parsed or None)
        else:
            _slackblocks_view(kind, body, parsed)
    except (InvalidUsageError, KeyError, TypeError, ValueError) as error:
        yield f"{kind}: {error}"


def _slackblocks_view(kind: Kind, body: Body, blocks: list[slackblocks.Block]) -> None:
    names = ("private_metadata", "callback_id", "external_id")
    common: dict[str, Any] = {name: body[name] for name in names if name in body}
    if kind == "home":
        slackblocks.HomeTabView(blocks=blocks, **common)
        return
    texts = {
        name: slackblocks.Text.from_dict(body[name])
        for name in ("title", "submit", "close")
        if body.get(name) is not None
    }
    slackblocks.ModalView(blocks=blocks, **texts, **common)


def _types(kind: Kind, body: Body) -> Iterator[str]:
    """The official types: required keys, unknown keys, what may stand in what."""
    names = _block_types()
    for index, block in enumerate(_blocks(body)):
        name = names.get(str(block.get("type")))
        if name is None:
            yield f"blocks/{index}: {block.get('type')!r} is unknown"
        else:
            yield from _misfits(f"blocks/{index}", name, block)
    if kind != "message":
        # The types allow any unknown block in a view; the blocks were judged one by one.
        name = {"modal": "ModalView", "home": "HomeView"}[kind]
        yield from _misfits("view", name, {**body, "blocks": []} if "blocks" in body else body)


def _misfits(place: str, name: str, value: Any) -> Iterator[str]:
    for error in _validator(name).iter_errors(value):
        # Of the alternatives the one that got furthest tells the most.
        deepest = min(error.context or [error], key=lambda each: -len(each.absolute_path))
        where = "/".join([place, *(str(step) for step in deepest.absolute_path)])
        yield f"{where}: {deepest.message[:300]}"


@cache
def _schema() -> dict[str, Any]:
    schema: dict[str, Any] = json.loads(_SCHEMA.read_text(encoding="utf-8"))
    return schema


@cache
def _validator(name: str) -> Draft7Validator:
    return Draft7Validator({**_schema(), "$ref": f"#/definitions/{name}"})


@cache
def _block_types() -> dict[str, str]:
    """Return the `type` of every official block → the name of its definition."""
    definitions = _schema()["definitions"]
    found = {}
    for option in definitions["KnownBlock"]["anyOf"]:
        name = option["$ref"].removeprefix("#/definitions/")
        body = definitions[name]
        for form in body.get("anyOf", [body]):
            found[form["properties"]["type"]["const"]] = name
    return found
