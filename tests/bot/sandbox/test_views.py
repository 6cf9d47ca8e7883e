"""Modals: trigger ids, the stack, hashes."""

from __future__ import annotations

from typing import Any

from slack_sdk.web.async_client import AsyncWebClient

from bot.sandbox import Clock, Sandbox, SandboxClient

from .conftest import APPROVALS, card, modal, refused


async def _trigger(web: AsyncWebClient, client: SandboxClient, user: str = "U0ANA") -> str:
    ts = (await web.chat_postMessage(channel=APPROVALS, text="x", blocks=card()))["ts"]
    payload = await client.click_payload(user, action_id="deny", channel=APPROVALS, ts=ts)
    return str(payload["trigger_id"])


async def test_a_trigger_lives_three_seconds(
    web: AsyncWebClient, client: SandboxClient, clock: Clock
) -> None:
    """After three seconds of the sandbox's clock a trigger id is expired."""
    trigger = await _trigger(web, client)
    clock.advance(3.1)
    answer = await refused(web.views_open(trigger_id=trigger, view=modal()))
    assert "expired_trigger_id" == answer["error"]
    assert [] == await client.views("U0ANA")


async def test_a_trigger_opens_one_modal(web: AsyncWebClient, client: SandboxClient) -> None:
    """A trigger id works once; a refused view does not use it up."""
    trigger = await _trigger(web, client)
    bad = await refused(web.views_open(trigger_id=trigger, view=modal(title=None)))
    opened = await web.views_open(trigger_id=trigger, view=modal())
    again = await refused(web.views_open(trigger_id=trigger, view=modal()))
    unknown = await refused(web.views_open(trigger_id="1.2.3", view=modal()))
    assert ("invalid_arguments", "exchanged_trigger_id", "invalid_trigger_id") == (
        bad["error"],
        again["error"],
        unknown["error"],
    )
    assert [opened["view"]["id"]] == [view["id"] for view in await client.views("U0ANA")]


async def test_views_are_stacked_three_deep(web: AsyncWebClient, client: SandboxClient) -> None:
    """Two pushes fit on an opened modal, the third is refused."""
    await web.views_open(trigger_id=await _trigger(web, client), view=modal())
    for _ in range(2):
        await web.views_push(trigger_id=await _trigger(web, client), view=modal())
    answer = await refused(web.views_push(trigger_id=await _trigger(web, client), view=modal()))
    assert "push_limit_reached" == answer["error"]
    stack = await client.views("U0ANA")
    assert [stack[0]["id"]] * 3 == [view["root_view_id"] for view in stack]
    assert [None, stack[0]["id"], stack[1]["id"]] == [view["previous_view_id"] for view in stack]
    await client.close_view("U0ANA")
    assert 2 == len(await client.views("U0ANA"))
    await client.close_view("U0ANA", everything=True)
    assert [] == await client.views("U0ANA")


async def test_an_update_with_an_old_hash_is_refused(
    web: AsyncWebClient, client: SandboxClient
) -> None:
    """hash_conflict protects against a race of two updates; external ids are unique."""
    view = (
        await web.views_open(
            trigger_id=await _trigger(web, client), view=modal(external_id="note-1")
        )
    )["view"]
    changed = await web.views_update(
        view_id=view["id"], hash=view["hash"], view=modal(callback_id="new")
    )
    assert "new" == changed["view"]["callback_id"]
    late = await refused(web.views_update(view_id=view["id"], hash=view["hash"], view=modal()))
    assert "hash_conflict" == late["error"]
    await web.views_update(view_id=view["id"], view=modal(external_id="note-2"))
    await web.views_update(external_id="note-2", view=modal(external_id="note-2"))
    other = await refused(
        web.views_open(
            trigger_id=await _trigger(web, client, "U0BEN"), view=modal(external_id="note-2")
        )
    )
    assert "duplicate_external_id" == other["error"]


async def test_inputs_survive_an_update(
    sandbox: Sandbox, web: AsyncWebClient, client: SandboxClient
) -> None:
    """What a person typed stays if block id and action id stay."""
    view = (await web.views_open(trigger_id=await _trigger(web, client), view=modal()))["view"]
    found = sandbox.world.view(view["id"])
    assert found is not None
    found.inputs["why", "text"] = "half a sen"
    updated = await web.views_update(view_id=view["id"], view=modal(callback_id="b"))
    values: dict[str, Any] = updated["view"]["state"]["values"]
    assert {"why": {"text": {"type": "plain_text_input", "value": "half a sen"}}} == values


async def test_a_home_is_published_per_person(web: AsyncWebClient, client: SandboxClient) -> None:
    """views.publish shows a home to one person and replaces it in place."""
    first = await web.views_publish(user_id="U0ANA", view={"type": "home", "blocks": card()})
    second = await web.views_publish(
        user_id="U0ANA", hash=first["view"]["hash"], view={"type": "home", "blocks": []}
    )
    assert first["view"]["id"] == second["view"]["id"]
    state = await client.state()
    assert (True, None) == (state.home("U0ANA") is not None, state.home("U0BEN"))
    late = await refused(
        web.views_publish(
            user_id="U0ANA", hash=first["view"]["hash"], view={"type": "home", "blocks": []}
        )
    )
    assert "hash_conflict" == late["error"]
