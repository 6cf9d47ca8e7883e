"""blocks.validate: what is wrong with blocks, a view or a message, without a token.

Sources: docs.slack.dev (blocks.validate) for arguments and the shape of an error; a third-party
client (slack-morphism) for the error words of views and messages.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..blocks import BlockCheck, Surface
from ..rules import MAX_MESSAGE_BLOCKS, view_problems
from ..state import World
from ..wire import Json, SlackError, invalid_arguments
from .call import Args, Method

_KINDS = ("blocks", "view", "message")


def validate(_: World, args: Args) -> Json:
    """blocks.validate."""
    given = [kind for kind in _KINDS if args.has(kind)]
    if len(given) != 1:
        raise invalid_arguments("provide exactly one of blocks, view, or message")
    kind = given[0]
    check = _checked(kind, args.decoded(kind, error="invalid_json"))
    if check.problems:
        raise SlackError(f"invalid_{kind}", errors=[item.wire() for item in check.problems])
    return {}


def _checked(kind: str, value: Any) -> BlockCheck:
    if kind == "blocks":
        check = BlockCheck(Surface.MESSAGE)
        check.blocks(value, "", MAX_MESSAGE_BLOCKS)
        return check
    if not isinstance(value, dict):
        check = BlockCheck(Surface.MESSAGE)
        check.error("must provide an object", "", code="invalid_type")
        return check
    if kind == "view":
        return view_problems(value, home=value.get("type") == "home", pointer="")
    check = BlockCheck(Surface.MESSAGE)
    if "blocks" in value:
        check.blocks(value["blocks"], "/blocks", MAX_MESSAGE_BLOCKS)
    return check


METHODS: Mapping[str, Method] = {"blocks.validate": Method(validate, wants="none")}
