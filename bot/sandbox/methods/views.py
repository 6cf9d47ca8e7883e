"""The views.* methods, and the changes of a person's modals they share with view submissions."""

from __future__ import annotations

from collections.abc import Mapping

from ..elements import elements_of
from ..records import View
from ..rules import MAX_MODALS, TRIGGER_SECONDS, check_view
from ..state import World
from ..wire import Json, SlackError
from .call import Args, Method


def exchange_trigger(world: World, trigger_id: str) -> str:
    """The user of a valid trigger id, which is used up by this.

    Raises:
        SlackError: `invalid_trigger_id`, `exchanged_trigger_id` or `expired_trigger_id`.
    """
    trigger = world.triggers.get(trigger_id)
    if trigger is None:
        raise SlackError("invalid_trigger_id")
    if trigger.used:
        raise SlackError("exchanged_trigger_id")
    if world.clock.patience() - trigger.issued > TRIGGER_SECONDS:
        raise SlackError("expired_trigger_id")
    trigger.used = True
    return trigger.user


def check_external_id(world: World, definition: Json, *, own: View | None = None) -> None:
    """Refuse an external id that another view of the team has.

    Raises:
        SlackError: `duplicate_external_id`.
    """
    external_id = definition.get("external_id")
    if external_id:
        other = world.view_by_external_id(external_id)
        if other is not None and other is not own:
            raise SlackError("duplicate_external_id")


def new_view(world: World, user: str, definition: Json, *, previous: View | None = None) -> View:
    """A view of `definition` for `user`, not yet shown."""
    view_id = f"V{world.ids.word(10)}"
    return View(
        id=view_id,
        user=user,
        type=definition["type"],
        definition={**definition, "blocks": world.completed(definition["blocks"])},
        hash=world.new_hash(),
        root_view_id=previous.root_view_id if previous else view_id,
        previous_view_id=previous.id if previous else None,
    )


def push_view(world: World, user: str, definition: Json) -> View:
    """Show one more view on top of a person's modals.

    Raises:
        SlackError: `not_found` (no modal is open) or `push_limit_reached`.
    """
    stack = world.modals.get(user)
    if not stack:
        raise SlackError("not_found")
    if len(stack) >= MAX_MODALS:
        raise SlackError("push_limit_reached")
    view = new_view(world, user, definition, previous=stack[-1])
    stack.append(view)
    world.touch()
    return view


def replace_view(world: World, view: View, definition: Json) -> None:
    """Give an open view a new definition; inputs with the same ids keep what was entered."""
    view.definition = {**definition, "blocks": world.completed(definition["blocks"])}
    kept = {
        (block["block_id"], element["action_id"])
        for block, element in elements_of(view.definition["blocks"])
    }
    view.inputs = {key: value for key, value in view.inputs.items() if key in kept}
    view.hash = world.new_hash()
    view.errors, view.trouble = {}, None
    world.touch()


def _definition(args: Args, *, home: bool) -> Json:
    definition = args.decoded("view", error="invalid_arguments")
    check_view(definition, home=home)
    result: Json = definition
    return result


def open_(world: World, args: Args) -> Json:
    """views.open."""
    definition = _definition(args, home=False)
    check_external_id(world, definition)
    user = exchange_trigger(world, args.text("trigger_id"))
    view = new_view(world, user, definition)
    world.modals[user] = [view]
    world.touch()
    return {"view": world.view_wire(view)}


def push(world: World, args: Args) -> Json:
    """views.push."""
    definition = _definition(args, home=False)
    check_external_id(world, definition)
    user = exchange_trigger(world, args.text("trigger_id"))
    return {"view": world.view_wire(push_view(world, user, definition))}


def update(world: World, args: Args) -> Json:
    """views.update."""
    if args.has("view_id"):
        view = world.view(args.text("view_id"))
    else:
        view = world.view_by_external_id(args.text("external_id"))
    if view is None:
        raise SlackError("not_found")
    definition = _definition(args, home=view.type == "home")
    _check_hash(view, args)
    check_external_id(world, definition, own=view)
    replace_view(world, view, definition)
    return {"view": world.view_wire(view)}


def publish(world: World, args: Args) -> Json:
    """views.publish."""
    user = world.users.get(args.text("user_id"))
    if user is None or user.deleted:
        raise SlackError("user_not_found")
    definition = _definition(args, home=True)
    view = world.homes.get(user.id)
    if view is None:
        check_external_id(world, definition)
        view = new_view(world, user.id, definition)
        world.homes[user.id] = view
        world.touch()
    else:
        _check_hash(view, args)
        check_external_id(world, definition, own=view)
        replace_view(world, view, definition)
    return {"view": world.view_wire(view)}


def _check_hash(view: View, args: Args) -> None:
    if args.has("hash") and args.text("hash") != view.hash:
        raise SlackError("hash_conflict")


METHODS: Mapping[str, Method] = {
    "views.open": Method(open_),
    "views.push": Method(push),
    "views.update": Method(update),
    "views.publish": Method(publish),
}
