"""Owns reading typed JSON, and edited arguments: held to what the agent says its tool takes."""

from __future__ import annotations

from typing import Any, Final

import click

from gate import Approval, LimitExceeded, PayloadNotCanonical, canonical_text, parse_json

from ..schema import ArgumentsSchema, SchemaUnchecked
from ..slack.text import quoted

__all__ = ["json_of", "read_edit"]

_MOST_BYTES: Final = 2**20
"""More than `parse_json` takes."""
_HINT: Final = "--edit"


def read_edit(path: str, approval: Approval) -> Any:
    """Return the arguments in the file at *path*; `-` is standard input.

    Where the agent gave a schema, what differs from what stands is held to it. That a part of it
    cannot be checked is said and holds nobody up: a claim of the agent binds no person.

    Raises:
        click.BadParameter: They are not strict JSON, too large or too deep, or do not fit the
            schema.
    """
    with click.open_file(path, "rb") as file:
        payload = json_of(file.read(_MOST_BYTES + 1), hint=_HINT)
    if approval.arguments_schema is None:
        return payload
    if not isinstance(payload, dict):
        raise click.BadParameter("the arguments are no JSON object", param_hint=_HINT)
    stands = approval.effective_payload
    stands = stands if isinstance(stands, dict) else {}
    try:
        schema = ArgumentsSchema(approval.arguments_schema)
        faults = [_fault(schema, *item) for item in payload.items() if not _stands(stands, *item)]
        together = schema.fault_together(payload)
        if together is not None:
            faults.append(_said(*together))
        fault = next(filter(None, faults), None)
    except SchemaUnchecked as error:
        click.echo(f"Not checked against the schema of the arguments: {error.reason}.", err=True)
        return payload
    if fault is not None:
        raise click.BadParameter(fault, param_hint=_HINT)
    return payload


def json_of(text: bytes | str, *, hint: str) -> Any:
    """Return the value of strict JSON that somebody has typed.

    Args:
        text: The JSON.
        hint: The argument that holds it.

    Raises:
        click.BadParameter: It is not strict JSON, too large or too deep; which argument, and why.
    """
    try:
        return parse_json(text)
    except PayloadNotCanonical as error:
        where = f" (at {error.path})" if error.path else ""
        raise click.BadParameter(
            f"it is not strict JSON: {error.reason}{where}", param_hint=hint
        ) from None
    except LimitExceeded as error:
        raise click.BadParameter(str(error), param_hint=hint) from None


def _stands(stands: dict[str, Any], name: str, value: Any) -> bool:
    return name in stands and canonical_text(stands[name]) == canonical_text(value)


def _fault(schema: ArgumentsSchema, name: str, value: Any) -> str | None:
    said = schema.property(name)
    if said.trouble is not None and not said.declared:
        return _said(name, "There is no such argument.")
    words = schema.fault(name, value)
    return None if words is None else _said(name, words)


def _said(name: str | None, words: str) -> str:
    return words if name is None else f"{quoted(name, 60)}: {words}"
