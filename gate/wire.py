"""Owns how things look on the wire: models, times as text, bytes as base64url."""

from __future__ import annotations

import base64
import binascii
from datetime import datetime
from typing import Annotated

from pydantic import AwareDatetime, BaseModel, BeforeValidator
from pydantic.alias_generators import to_camel

__all__ = ["Moment", "WireModel", "from_base64url", "to_base64url"]


def _no_timestamp(value: object) -> object:
    if isinstance(value, datetime) or (isinstance(value, str) and "T" in value):
        return value
    # pydantic would take a number for seconds since 1970.
    raise ValueError


Moment = Annotated[AwareDatetime, BeforeValidator(_no_timestamp)]
"""An aware time; on the wire RFC 3339 text and nothing else."""


class WireModel(
    BaseModel,
    frozen=True,
    extra="forbid",
    alias_generator=to_camel,
    validate_by_name=True,
    validate_by_alias=True,
    ser_json_inf_nan="strings",
    hide_input_in_errors=True,
    # Built when first used: a process meets few of the models.
    defer_build=True,
):
    """The base of all that is stored or told. JSON names are the camelCase ones of AgentsKit."""


def to_base64url(data: bytes) -> str:
    """Return *data* as base64url (RFC 4648, part 5) without padding."""
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


def from_base64url(text: str) -> bytes:
    """Read what `to_base64url` wrote.

    Raises:
        ValueError: Anything else, other spellings of the same bytes included.
    """
    try:
        data = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        raise ValueError("not base64url") from None
    # One spelling only: spare bits of the last character would make a second text of one receipt.
    if to_base64url(data) != text:
        raise ValueError("not base64url")
    return data
