"""What people do in channels: click, write, delete, type a command, open the App Home."""

from __future__ import annotations

from typing import Any, Literal

from . import payloads
from .delivery import Courier
from .elements import INPUT_ELEMENTS, UnknownOption, action_of, entered
from .mentions import with_ids
from .records import Delivery, Mark, Message
from .response_urls import ResponseUrls
from .state import World
from .visibility import (
    Impossible,
    control,
    enter,
    person,
    top_view,
    visible_channel,
    visible_message,
)
from .wire import Json
from .workspace import Shortcut, User


class People:
    """The verbs of the people in the workspace.

    Args:
        world: The state.
        courier: Brings payloads to the app.
        response_urls: Hands out response URLs.
    """

    def __init__(self, world: World, courier: Courier, response_urls: ResponseUrls) -> None:
        self._world = world
        self._courier = courier
        self._response_urls = response_urls

    def click_message(
        self,
        user_id: str,
        channel_id: str,
        ts: str,
        action_id: str,
        *,
        block_id: str | None = None,
        value: Any = None,
        inputs: Json | None = None,
        force: bool = False,
    ) -> tuple[Json, Mark]:
        """The payload of using a control in a message, and the spinner the person sees.

        Args:
            user_id: Who.
            channel_id: The message's conversation.
            ts: The message.
            action_id: The control.
            block_id: Its block, where the action id alone is ambiguous.
            value: What was chosen (an option's value, a user id, a date); nothing for buttons.
            inputs: Other inputs of the message, as for `submit`.
            force: Also for a person who can no longer see the message: a click on its way.

        Raises:
            Impossible: the person can not do that.
        """
        user = person(self._world, user_id, force=force)
        message = visible_message(self._world, user, channel_id, ts, force=force)
        block, element = control(message.blocks, action_id, block_id)
        enter(message.blocks, message.inputs, inputs or {})
        action = self._action(block, element, value, message.inputs)
        world = self._world
        payload = payloads.message_action(
            world,
            user,
            message,
            action,
            trigger_id=world.new_trigger(user_id),
            response_url=self._response_urls.issue(user_id, channel_id, message),
        )
        mark = Mark(
            user_id, element["action_id"], block["block_id"], "pending", channel_id, message.ts
        )
        return payload, mark

    def click_view(
        self,
        user_id: str,
        view_id: str,
        action_id: str,
        *,
        block_id: str | None = None,
        value: Any = None,
        inputs: Json | None = None,
    ) -> tuple[Json, Mark]:
        """As `click_message`, for a control in a modal or in the App Home.

        Raises:
            Impossible: the person can not do that.
        """
        user = person(self._world, user_id)
        home = self._world.homes.get(user_id)
        view = home if home and home.id == view_id else top_view(self._world, user_id, view_id)
        blocks: list[Json] = view.definition["blocks"]
        block, element = control(blocks, action_id, block_id)
        enter(blocks, view.inputs, inputs or {})
        action = self._action(block, element, value, view.inputs)
        trigger_id = self._world.new_trigger(user_id)
        payload = payloads.view_action(self._world, user, view, action, trigger_id=trigger_id)
        mark = Mark(user_id, element["action_id"], block["block_id"], "pending", view_id=view_id)
        return payload, mark

    def _action(
        self, block: Json, element: Json, value: Any, inputs: dict[tuple[str, str], Any]
    ) -> Json:
        try:
            if element["type"] in INPUT_ELEMENTS:
                inputs[block["block_id"], element["action_id"]] = entered(element, value)
            return action_of(block, element, value, self._world.new_ts())
        except UnknownOption as exc:
            raise Impossible("no_such_option", str(exc)) from exc

    async def deliver_click(self, payload: Json, mark: Mark) -> Delivery:
        """Deliver a click; a failure leaves an error sign for the person."""
        world = self._world
        world.set_mark(mark)
        delivery = await self._courier.deliver("interactive", payload, user=mark.user)
        world.clear_marks(mark.user, channel=mark.channel, ts=mark.ts, view_id=mark.view_id)
        if not delivery.ok:
            mark.status, mark.error = "failed", delivery.error
            world.set_mark(mark)
        return delivery

    async def say(
        self, user_id: str, channel_id: str, text: str, *, thread_ts: str | None = None
    ) -> Message:
        """Post a message as a person; the app gets an event if it subscribed.

        Raises:
            Impossible: the person is not a member, or the channel is archived.
        """
        user = person(self._world, user_id)
        channel = visible_channel(self._world, user, channel_id)
        if user_id not in channel.members or channel.is_archived:
            raise Impossible("can_not_write", f"{user.name} can not write to {channel_id}")
        world = self._world
        message = world.post(
            Message(world.new_ts(), channel_id, user_id, text, thread_ts=thread_ts)
        )
        kind = "im" if channel.is_im else "groups" if channel.is_private else "channels"
        if f"message.{kind}" in world.app.events and world.app.bot_user_id in channel.members:
            event = world.message_wire(message) | {
                "channel": channel_id,
                "channel_type": {"im": "im", "groups": "group", "channels": "channel"}[kind],
                "event_ts": message.ts,
            }
            await self._courier.deliver(
                "events_api", payloads.event_callback(world, event), user=user_id
            )
        return message

    def delete_message(
        self, user_id: str, channel_id: str, ts: str, *, force: bool = False
    ) -> None:
        """Delete a message as its author, as an admin, or with `force` as anybody.

        Raises:
            Impossible: the person may not.
        """
        user = person(self._world, user_id)
        message = visible_message(self._world, user, channel_id, ts, force=force)
        if message.user != user_id and not user.is_admin and not force:
            raise Impossible("not_the_author", "only the author or an admin can delete this")
        if message.ephemeral_to is not None:
            self._world.ephemerals.remove(message)
            self._world.touch()
        else:
            self._world.delete(message)

    async def message_shortcut(
        self, user_id: str, channel_id: str, ts: str, callback_id: str
    ) -> Delivery:
        """Choose a shortcut in the menu of a message.

        Raises:
            Impossible: the person can not do that, or the app has no such shortcut.
        """
        user = self._own_member(user_id)
        message = visible_message(self._world, user, channel_id, ts)
        if message.ephemeral_to is not None:
            raise Impossible("no_shortcuts", "an ephemeral message has no menu of shortcuts")
        payload = payloads.message_shortcut(
            self._world,
            user,
            message,
            self._shortcut(callback_id, "message"),
            trigger_id=self._world.new_trigger(user_id),
            response_url=self._response_urls.issue(user_id, channel_id, message),
        )
        return await self._courier.deliver("interactive", payload, user=user_id)

    async def global_shortcut(self, user_id: str, callback_id: str) -> Delivery:
        """Choose a shortcut in the search.

        Raises:
            Impossible: the person can not do that, or the app has no such shortcut.
        """
        user = self._own_member(user_id)
        payload = payloads.global_shortcut(
            self._world,
            user,
            self._shortcut(callback_id, "global"),
            trigger_id=self._world.new_trigger(user_id),
        )
        return await self._courier.deliver("interactive", payload, user=user_id)

    def _shortcut(self, callback_id: str, kind: str) -> Shortcut:
        for shortcut in self._world.app.shortcuts:
            if (shortcut.callback_id, shortcut.type) == (callback_id, kind):
                return shortcut
        raise Impossible("no_such_shortcut", f"the app has no {kind} shortcut {callback_id!r}")

    def _own_member(self, user_id: str) -> User:
        """Commands and shortcuts are for the app's own workspace (docs.slack.dev, Connect)."""
        user = person(self._world, user_id)
        if user.is_stranger or user.team_id != self._world.workspace.team_id:
            raise Impossible("other_workspace", f"{user.name} is of another workspace")
        return user

    async def slash(self, user_id: str, channel_id: str, command: str, text: str) -> Delivery:
        """Type a slash command; an answer in the body is shown in the channel.

        Raises:
            Impossible: the person can not use commands there, or the app has no such command.
        """
        user = self._own_member(user_id)
        channel = visible_channel(self._world, user, channel_id)
        if user_id not in channel.members or channel.is_archived:
            raise Impossible("can_not_write", f"{user.name} can not use commands there")
        known = next((item for item in self._world.app.commands if item.command == command), None)
        if known is None:
            raise Impossible("no_such_command", f"{command} is not a valid command")
        if known.should_escape:
            text = with_ids(self._world, text)
        payload = payloads.slash_command(
            self._world,
            user,
            channel,
            command=command,
            text=text,
            trigger_id=self._world.new_trigger(user_id),
            response_url=self._response_urls.issue(user_id, channel_id, None),
        )
        delivery = await self._courier.deliver("slash_commands", payload, user=user_id)
        if delivery.ok and delivery.answer:
            self._show_command_answer(user_id, channel_id, delivery.answer)
        return delivery

    def _show_command_answer(self, user_id: str, channel_id: str, answer: Any) -> None:
        body: Json = answer if isinstance(answer, dict) else {"text": str(answer)}
        world = self._world
        everyone = body.get("response_type") == "in_channel"
        message = Message(
            ts=world.new_ts(),
            channel=channel_id,
            user=world.app.bot_user_id,
            from_bot=True,
            text=str(body.get("text") or ""),
            blocks=world.completed(body.get("blocks") or []),
            ephemeral_to=None if everyone else user_id,
        )
        if everyone:
            world.post(message)
        else:
            world.ephemerals.append(message)
            world.touch()

    async def open_home(
        self, user_id: str, *, tab: Literal["home", "messages"] = "home"
    ) -> Delivery | None:
        """Open a tab of the app's home; the app gets `app_home_opened` if it subscribed.

        Raises:
            Impossible: there is no such person.
        """
        person(self._world, user_id)
        world = self._world
        if "app_home_opened" not in world.app.events:
            return None
        event: Json = {
            "type": "app_home_opened",
            "user": user_id,
            "channel": world.direct(user_id).id,
            "tab": tab,
            "event_ts": world.new_ts(),
        }
        home = world.homes.get(user_id)
        if home is not None and tab == "home":
            event["view"] = world.view_wire(home)
        payload = payloads.event_callback(world, event)
        return await self._courier.deliver("events_api", payload, user=user_id)
