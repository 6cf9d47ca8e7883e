"""Owns the ids that are typed: refused in one sentence, unrepeated, before a store is opened."""

from __future__ import annotations

import click

from gate import check_id

__all__ = ["checked_id"]


def checked_id(_: click.Context, parameter: click.Parameter, value: str) -> str:
    """Return *value*, for a parameter of a command that takes an id.

    Raises:
        InvalidId: It is none.
    """
    return check_id(value, field=(parameter.name or "id").replace("_", " "))
