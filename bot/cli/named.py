"""Owns the ids that are typed: refused in one sentence, unrepeated, before a store is opened."""

from __future__ import annotations

from typing import Final

import click

from gate import check_id, record_key

__all__ = ["ANYWHERE", "checked_id", "named", "named_key", "typed_id"]

ANYWHERE: Final = "default"
"""What `--namespace` is where nobody gave it."""


def checked_id(_: click.Context, parameter: click.Parameter, value: str) -> str:
    """Return *value*, for a parameter of a command that takes an id.

    Raises:
        InvalidId: It is none.
    """
    return check_id(value, field=_field(parameter))


def typed_id(_: click.Context, parameter: click.Parameter, value: str) -> str:
    """Return *value*, for the id of an approval: alone, or as lists and cards write it.

    Raises:
        InvalidId: It is neither an id nor a namespace, a slash and an id.
    """
    own, slash, alone = value.partition("/")
    if slash:
        check_id(own, field="namespace")
    check_id(alone if slash else value, field=_field(parameter))
    return value


def named(approval_id: str, namespace: str) -> tuple[str, str]:
    """Return the id of an approval and its namespace.

    Args:
        approval_id: As `typed_id` has let it pass.
        namespace: What `--namespace` says; it counts where the id comes alone.

    Raises:
        click.UsageError: The two name different namespaces.
    """
    own, slash, alone = approval_id.partition("/")
    if not slash:
        return approval_id, namespace
    if namespace not in (ANYWHERE, own):
        raise click.UsageError("ID and --namespace name different namespaces")
    return alone, own


def named_key(approval_id: str, namespace: str) -> str:
    """Return the record's key; see `named`."""
    return record_key(*named(approval_id, namespace))


def _field(parameter: click.Parameter) -> str:
    return (parameter.name or "id").replace("_", " ")
