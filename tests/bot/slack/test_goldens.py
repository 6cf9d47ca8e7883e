"""Golden files and gallery: every message and view that a reviewer looks at passes every judge."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from bot.slack.ids import APPROVE, REVEAL, REVIEW
from examples import gallery
from tests import golden
from tests.support.emitted import Emitted
from tests.support.validators import problems

FOLDER = Path(golden.__file__).parent
NOT_SHOWN = {"doctor", "slack_manifest", "slack_types"}
"""Folders whose JSON never goes to Slack."""
FILES = sorted(
    path.relative_to(FOLDER)
    for path in FOLDER.rglob("*.json")
    if path.relative_to(FOLDER).parts[0] not in NOT_SHOWN
)


def judged(value: Any) -> list[str]:
    """Return the problems of a golden file's value: a message, a view, blocks, texts by name."""
    match value:
        case {"type": "modal" | "home" as kind}:
            return problems(kind, value)
        case {"text": str(), "blocks": list()}:
            return problems("message", value)
        case [{"type": str()}, *_]:
            return problems("message", {"text": "See the blocks.", "blocks": value})
        case {} if value and all(isinstance(text, str) for text in value.values()):
            return [each for text in value.values() for each in problems("message", {"text": text})]
        case [dict(), *_]:
            return [each for item in value for each in judged(item)]
    return ["neither a message nor a view, nor blocks, nor texts"]


@pytest.mark.parametrize("path", FILES, ids=str)
def test_a_golden_file_is_good(path: Path):
    """slack_sdk, slackblocks, the official types and our own check take it."""
    assert [] == judged(json.loads((FOLDER / path).read_text(encoding="utf-8")))


def test_there_are_cards_replies_and_views():
    """The walk finds what it is for."""
    assert {"card", "thread", "view"} <= {path.parts[0] for path in FILES}


async def test_every_picture_of_the_gallery_is_good(tmp_path: Path):
    """What `make gallery` draws is what Slack would take."""
    emitted = Emitted()
    async with gallery.set_stage(gallery.STATES, program="", folder=tmp_path) as stage:
        state = await stage.people.state()
    emitted.log(state.requests, state.deliveries)
    assert len(gallery.STATES) <= len(state.requests)
    assert [] == emitted.take()


async def test_the_gallery_shows_a_masked_request(tmp_path: Path):
    """Its card masks the value and offers no Approve; its review offers to reveal them."""
    async with gallery.set_stage(gallery.STATES, program="", folder=tmp_path) as stage:
        views = await gallery.views(stage)
        at = stage.posted["masked"]
        card = (await stage.people.state()).message(gallery.CHANNEL, at.ts)
    assert 1 == str(card).count("fingerprint")
    assert "hunter2" not in str(card)
    assert (False, True) == (f"'{APPROVE}'" in str(card), f"'{REVIEW}'" in str(card))
    assert f"'{REVEAL}'" in str(views["review-masked"])
