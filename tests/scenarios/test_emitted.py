"""What processes send to the sandbox is judged too."""

from __future__ import annotations

import pytest
from slack_sdk.web.async_client import AsyncWebClient

from tests.support.emitted import EMITTED
from tests.support.house import CHANNEL, House, running_house


async def _post(house: House, text: str) -> None:
    client = AsyncWebClient(
        token=house.slack_wire["bot_token"], base_url=house.slack_wire["api_url"]
    )
    await client.chat_postMessage(
        channel=CHANNEL, text=text, unfurl_links=False, unfurl_media=False
    )


async def test_a_broken_message_at_a_house_is_found_once():
    """Each look finds what came since the last one, and a house does not close over a problem."""
    with running_house(bots=0) as house:
        await _post(house, "<!channel>")
        house.note_emitted()
        [problem] = EMITTED.take()
        assert "a mention" in problem
        await _post(house, "Hello")
        house.note_emitted()
        assert [] == EMITTED.take()
        await _post(house, "<!here>")
        with pytest.raises(AssertionError, match="a mention"):
            house.close()
