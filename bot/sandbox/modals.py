"""Modals from the person's side: submitting and closing, and what the app's answer shows."""

from __future__ import annotations

from typing import Any

from . import payloads
from .delivery import Courier
from .elements import missing_inputs
from .methods.views import check_external_id, push_view, replace_view
from .records import Delivery, View
from .rules import check_view
from .state import World
from .visibility import Impossible, enter, person, top_view
from .wire import Json, SlackError


class Modals:
    """The verbs of a person with an open modal.

    Args:
        world: The state.
        courier: Brings payloads to the app.
    """

    def __init__(self, world: World, courier: Courier) -> None:
        self._world = world
        self._courier = courier

    async def submit(
        self, user_id: str, *, view_id: str | None = None, values: Json | None = None
    ) -> Delivery:
        """Submit the modal on top and show what the app answered.

        Args:
            user_id: Who.
            view_id: The modal, which must be on top; None takes whichever is.
            values: What was entered: by action id, by block id, or block id then action id.

        Raises:
            Impossible: no such modal or input, or a required input is empty.
        """
        user = person(self._world, user_id)
        view = top_view(self._world, user_id, view_id)
        blocks: list[Json] = view.definition["blocks"]
        if view.definition.get("submit") is None:
            raise Impossible("no_submit", "this modal has no submit button")
        enter(blocks, view.inputs, values or {})
        view.trouble = None
        view.errors = missing_inputs(blocks, view.inputs)
        self._world.touch()
        if view.errors:
            raise Impossible("incomplete", "an input is missing or too long", fields=view.errors)
        payload = payloads.view_submission(
            self._world,
            user,
            view,
            trigger_id=self._world.new_trigger(user_id),
            response_urls=[],
        )
        delivery = await self._courier.deliver("interactive", payload, user=user_id)
        if delivery.ok:
            self._show_answer(view, delivery)
        else:
            view.trouble = delivery.error
        self._world.touch()
        return delivery

    def _show_answer(self, view: View, delivery: Delivery) -> None:
        stack = self._world.modals.get(view.user, [])
        if view not in stack:
            return
        answer: Json = delivery.answer if isinstance(delivery.answer, dict) else {}
        action = answer.get("response_action")
        try:
            if action is None:
                stack.remove(view)
            elif action == "clear":
                stack.clear()
            elif action == "errors":
                self._show_errors(view, answer["errors"])
            elif action in ("update", "push"):
                definition: Json = answer["view"]
                check_view(definition, home=False)
                own = view if action == "update" else None
                check_external_id(self._world, definition, own=own)
                if action == "update":
                    replace_view(self._world, view, definition)
                else:
                    push_view(self._world, view.user, definition)
            else:
                raise SlackError("unknown_response_action")
        except (SlackError, KeyError) as exc:
            # Slack shows "We had some trouble connecting" for an answer it can not use.
            error = exc.error if isinstance(exc, SlackError) else "invalid_response"
            view.trouble = delivery.error = error
            delivery.ok = False

    @staticmethod
    def _show_errors(view: View, errors: Any) -> None:
        inputs = {
            block["block_id"] for block in view.definition["blocks"] if block.get("type") == "input"
        }
        if not isinstance(errors, dict) or not errors or not set(errors) <= inputs:
            raise SlackError("invalid_error_blocks")
        view.errors = {key: str(text) for key, text in errors.items()}

    async def close_view(
        self, user_id: str, *, view_id: str | None = None, everything: bool = False
    ) -> Delivery | None:
        """Close the modal on top (or all of them); tells the app where it asked to be told.

        Raises:
            Impossible: no such modal is open.
        """
        user = person(self._world, user_id)
        view = top_view(self._world, user_id, view_id)
        stack = self._world.modals[user_id]
        clear = everything or bool(view.definition.get("clear_on_close"))
        closed = list(reversed(stack)) if clear else [view]
        del stack[-len(closed) :]
        self._world.touch()
        told: Delivery | None = None
        for item in closed:
            if item.definition.get("notify_on_close"):
                payload = payloads.view_closed(self._world, user, item, cleared=clear)
                told = await self._courier.deliver("interactive", payload, user=user_id)
        return told
