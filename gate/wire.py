"""Owns how models look on the wire: frozen, camelCase, unknown fields refused, times as text."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from pydantic import AwareDatetime, BaseModel, BeforeValidator
from pydantic.alias_generators import to_camel

__all__ = ["Moment", "WireModel"]


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
):
    """The base of all that is stored or told. JSON names are the camelCase ones of AgentsKit."""
